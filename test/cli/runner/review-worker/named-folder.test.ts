/** The folder that a server names for a review must be the one that is linked: the policy may have a rule for that one. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { whyNotLinked } from '../../../../cli/runner/review-worker/cycle.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';

let machine: LinkedMachine;

beforeEach(() => {
  machine = linkedMachine('http://127.0.0.1:1');
});

afterEach(() => machine.remove());

function why(cwd: string, codexSessionId = 'codex-1'): Promise<string | undefined> {
  return whyNotLinked({ cwd, codexSessionId }, { env: machine.env, now: Date.now() });
}

it('the linked folder may be named, by another way to it as well', async () => {
  const alias = join(machine.home, 'alias');
  symlinkSync(machine.repo, alias);
  expect([await why(machine.repo), await why(alias)]).toEqual([undefined, undefined]);
});

it('a folder inside the repository may not', async () => {
  const inside = join(machine.repo, 'packages');
  mkdirSync(inside);
  expect(await why(inside)).toContain('is not the one that is linked');
});

it.each([
  ['without an agent session id', { codex_session_id: undefined }],
  ['with another one', { codex_session_id: 'codex-9' }],
  ['that is closed', { state: 'closed' }],
  ['that is archived', { archived: true }],
])('a session %s takes no review, whatever id the server names', async (_what, record) => {
  machine.setSession('orp-main', record);
  expect(await why(machine.repo)).toContain('is not an active session');
});
