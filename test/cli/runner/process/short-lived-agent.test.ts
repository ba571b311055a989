/** An agent that is gone before the system has told who runs: what it said is not lost. */

import { setImmediate } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { startChild } from '../../../../cli/runner/process/child.ts';
import type * as processTable from '../../../../cli/runner/process/process-table.ts';

vi.mock('../../../../cli/runner/process/process-table.ts', async (original) => ({
  ...(await original<typeof processTable>()),
  findProcess: async (pid: number) => {
    while (isThere(pid)) await setImmediate();
    // What the platform does with the output of a process that has ended comes after its exit.
    for (let turn = 0; turn < 10; turn += 1) await setImmediate();
    return undefined;
  },
}));

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('delivers all output of an agent that ends at once', async () => {
  let said = '';
  const hear = (bytes: Uint8Array) => {
    said += Buffer.from(bytes).toString();
  };
  const { env } = process;
  const plan = {
    command: '/bin/sh',
    args: ['-c', 'echo why >&2; exit 3'],
    cwd: '/',
    env,
    input: '',
    tag: 'tag-1',
  };
  const started = await startChild(plan, { stdout: hear, stderr: hear });
  if (started.kind === 'refused') throw new Error(started.message);

  expect(await started.child.ended).toMatchObject({ exitCode: 3 });
  expect(said).toBe('why\n');
});
