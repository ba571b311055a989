import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METHODS } from '../../../cli/agents/app-server/protocol.generated.ts';
import { findDrift } from '../../../scripts/codex-protocol/drift.ts';
import { TABLES, USED } from '../../../scripts/codex-protocol/methods.ts';
import { GENERATED } from '../../../scripts/codex-protocol/render.ts';

const ours = readFileSync(new URL(`../../../${GENERATED}`, import.meta.url), 'utf8');

/** The protocol of a Codex that differs in one place. */
function changed(from: string | RegExp, to: string): string {
  const text = ours.replace(from, to);
  expect(text).not.toBe(ours);
  return text;
}

/** The declaration of one type, with a change in it. */
function changedType(name: string, from: string | RegExp, to: string): string {
  const declaration = new RegExp(`export type ${name} =[\\s\\S]*?\\n\\n`).exec(ours)?.[0] ?? '';
  return changed(declaration, declaration.replace(from, to));
}

describe('the comparison of two protocols', () => {
  it('finds nothing in the same protocol', () => {
    expect(findDrift(ours, ours)).toEqual([]);
  });

  it('names a method that does not exist any more', () => {
    const theirs = changed(/'turn\/steer': \{.*\};\n/, '');
    expect(findDrift(ours, theirs)).toEqual([
      { method: 'turn/steer', reasons: ['the method does not exist'] },
    ]);
  });

  it('names a method whose field has another name', () => {
    const theirs = changedType('TurnSteerParams', 'expectedTurnId', 'turnId');
    expect(findDrift(ours, theirs)).toEqual([
      {
        method: 'turn/steer',
        reasons: ['params.expectedTurnId does not exist', 'params.turnId is now required'],
      },
    ]);
  });

  it('names a method whose answer has a field of another type', () => {
    const theirs = changedType('TurnSteerResponse', 'turnId: string', 'turnId: number');
    expect(findDrift(ours, theirs)).toEqual([
      { method: 'turn/steer', reasons: ['result.turnId was string and is number'] },
    ]);
  });

  it('names every method that meets a word that does not exist any more', () => {
    const theirs = changedType('TurnStatus', "'interrupted'", "'stopped'");
    expect(findDrift(ours, theirs)).toEqual([
      { method: 'thread/turns/list', reasons: ['result.data.status is never interrupted'] },
      { method: 'turn/completed', reasons: ['turn.status is never interrupted'] },
    ]);
  });

  it('names a method that requires a parameter that orp does not send', () => {
    const theirs = changedType('TurnInterruptParams', '{', '{ reason: string;');
    expect(findDrift(ours, theirs)).toEqual([
      { method: 'turn/interrupt', reasons: ['params.reason is now required'] },
    ]);
  });

  it('ignores a new optional parameter and a new field of an answer', () => {
    expect(findDrift(ours, changedType('TurnInterruptParams', '{', '{ reason?: string;'))).toEqual([]);
    expect(findDrift(ours, changedType('TurnSteerResponse', '{', '{ more: string;'))).toEqual([]);
  });
});

it('the table of method names has every method that orp uses', () => {
  for (const table of Object.keys(TABLES) as (keyof typeof TABLES)[]) {
    expect(METHODS[table]).toEqual(Object.keys(USED[table]));
  }
});
