/** The start of a job whose answers are lost: it is started under its lease, or the service is told that nothing ran. */

import { describe, expect, it } from 'vitest';
import type { HeartbeatReply, Reply } from '../../../../cli/runner/job/hosted-api.ts';
import { startLease } from '../../../../cli/runner/lease/lease-moves.ts';

const HELD = { jobId: 'job_1', leaseId: 'lea_1' };
const AWAY = { kind: 'unavailable', code: 'unreachable', message: 'Nobody answers.' } as const;
const STARTED = { kind: 'ok', value: { ok: true } } as const;
const EXPIRED = { kind: 'refused', status: 409, code: 'wrong_status', message: 'The job is lost.' } as const;
const TAKEN = { kind: 'refused', status: 409, code: 'lease_lost', message: 'The lease is gone.' } as const;

function beat(action: 'continue' | 'stop'): Reply<HeartbeatReply> {
  return { kind: 'ok', value: { body: {}, drain: false, verdict: { action } } };
}

/** Answers in this order; the last answer stays. */
function start(
  answers: { starts: Reply<Record<string, unknown>>[]; beats?: Reply<HeartbeatReply>[] },
  signal = new AbortController().signal,
) {
  const { starts, beats = [] } = answers;
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift() : list[0]) as T;
  return startLease({
    service: { start: async () => next(starts), heartbeat: async () => next(beats) },
    held: HELD,
    isDraining: () => false,
    signal,
  });
}

describe('a start', () => {
  it('is repeated until it is answered', async () => {
    expect(await start({ starts: [AWAY, STARTED] })).toEqual({ kind: 'started', body: { ok: true } });
  });

  it('whose lease expired before the answer arrived is resumed with a heartbeat', async () => {
    const starts = [AWAY, EXPIRED, STARTED];
    expect(await start({ starts, beats: [beat('continue')] })).toMatchObject({ kind: 'started' });
  });

  it('asks again when the heartbeat is not answered', async () => {
    const starts = [EXPIRED, EXPIRED, STARTED];
    expect(await start({ starts, beats: [AWAY, beat('continue')] })).toMatchObject({ kind: 'started' });
  });

  it.each([
    ['the job was given to somebody else', { starts: [TAKEN] }],
    ['the heartbeat says that the lease is over', { starts: [EXPIRED], beats: [beat('stop')] }],
    ['the heartbeat is refused', { starts: [EXPIRED], beats: [TAKEN] }],
  ])('is refused when %s', async (_, answers) => {
    expect(await start(answers)).toMatchObject({ kind: 'refused' });
  });

  it('without an answer in time counts neither as started nor as refused', async () => {
    expect(await start({ starts: [AWAY] }, AbortSignal.abort())).toEqual({
      kind: 'unanswered',
      message: AWAY.message,
    });
  });
});
