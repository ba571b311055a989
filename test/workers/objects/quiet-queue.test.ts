import { describe, expect, it } from 'vitest';
import { ClaimGate } from '../../../workers/objects/quiet-queue.ts';

const NOW = 1_000_000;
const MINUTE = 60_000;

/** A gate behind which a read at `NOW` has found nothing. */
function quiet(nextAt?: number, abilities: string | null = null): ClaimGate {
  const gate = new ClaimGate();
  gate.beginRead()({ abilities, nextAt, now: NOW });
  return gate;
}

describe('a claim', () => {
  it('reads the queue when nothing is known', () => {
    expect(new ClaimGate().quietUntil(NOW, null)).toBeUndefined();
  });

  it('does not read the queue for a minute after a read that found nothing', () => {
    expect(quiet().quietUntil(NOW + MINUTE - 1, null)).toBe(NOW + MINUTE);
    expect(quiet().quietUntil(NOW + MINUTE, null)).toBeUndefined();
  });

  it('reads the queue when the next known job becomes due', () => {
    expect(quiet(NOW + 500).quietUntil(NOW, null)).toBe(NOW + 500);
    expect(quiet(NOW + 500).quietUntil(NOW + 500, null)).toBeUndefined();
    expect(quiet(NOW + 2 * MINUTE).quietUntil(NOW, null)).toBe(NOW + MINUTE);
  });

  it('reads the queue for a runner with other abilities', () => {
    expect(quiet(undefined, '{"kinds":[]}').quietUntil(NOW, null)).toBeUndefined();
    expect(quiet(undefined, '{"kinds":[]}').quietUntil(NOW, '{"kinds":[]}')).toBe(NOW + MINUTE);
  });

  it('reads the queue after a wake', () => {
    const gate = quiet();
    gate.wake();
    expect(gate.quietUntil(NOW, null)).toBeUndefined();
  });

  it.each(['wake', 'wakeAt'] as const)('reads the queue when a %s came during the last read', (wake) => {
    const gate = new ClaimGate();
    const foundNothing = gate.beginRead();
    if (wake === 'wake') gate.wake();
    else gate.wakeAt(NOW + 500);
    foundNothing({ abilities: null, nextAt: undefined, now: NOW });
    expect(gate.quietUntil(NOW, null)).toBeUndefined();
  });

  it('reads the queue while another read has not ended', () => {
    const gate = quiet();
    gate.beginRead();
    expect(gate.quietUntil(NOW, null)).toBeUndefined();
  });

  it('does not read the queue before a job is due that was announced meanwhile', () => {
    const gate = quiet();
    gate.wakeAt(NOW + 500);
    expect(gate.quietUntil(NOW, null)).toBe(NOW + 500);
    expect(gate.quietUntil(NOW + 500, null)).toBeUndefined();
  });
});

describe('an announcement', () => {
  it('is made once when it is due', () => {
    const gate = new ClaimGate();
    gate.takeDue(NOW);
    gate.announceAt(NOW + 500);
    gate.wakeAt(NOW + 900);
    expect(gate.earliestDue()).toBe(NOW + 500);
    expect(gate.takeDue(NOW + 499)).toBe(false);
    expect(gate.takeDue(NOW + 500)).toBe(true);
    expect(gate.takeDue(NOW + 500)).toBe(false);
    expect(gate.earliestDue()).toBe(NOW + 900);
    expect(gate.takeDue(NOW + 1000)).toBe(true);
    expect(gate.earliestDue()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is made by the first alarm after the memory was lost', () => {
    const gate = new ClaimGate();
    expect(gate.takeDue(NOW)).toBe(true);
    expect(gate.takeDue(NOW)).toBe(false);
  });
});

describe('a job that was queued for later', () => {
  it('may be due as long as the queue was not read, and when its time has come', () => {
    const gate = new ClaimGate();
    expect(gate.mayBeDue(NOW)).toBe(true);
    gate.noteLater(undefined);
    expect(gate.mayBeDue(NOW + MINUTE)).toBe(false);
    gate.noteLater(NOW + 500);
    expect(gate.mayBeDue(NOW + 499)).toBe(false);
    expect(gate.mayBeDue(NOW + 500)).toBe(true);
    gate.noteLater(undefined);
    gate.wakeAt(NOW + 500);
    expect(gate.mayBeDue(NOW + 500)).toBe(true);
  });
});
