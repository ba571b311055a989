import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findProcess,
  isStillRunning,
  listProcesses,
  markSelf,
} from '../../../../cli/runner/process/process-table.ts';
import { FakePs, type PsMood } from './fake-ps.ts';

const TABLE = join(import.meta.dirname, '../../../../cli/runner/process/process-table.ts');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-table-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The pid of a process that has ended, and was seen to. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('a system that is asked with ps', () => {
  it('shows running and ended processes, and gives the same answer for a process each time', async () => {
    using _ps = new FakePs(folder);
    const self = await markSelf();

    expect(await isStillRunning(self)).toBe(true);
    expect(await isStillRunning({ ...self, startTime: 'another' })).toBe(false);
    expect(await findProcess(await deadPid())).toBeUndefined();
    expect((await listProcesses()).find(({ pid }) => pid === process.pid)?.startTime).toBe(self.startTime);
  });

  it.each<PsMood>(['failing', 'silent', 'hanging'])('takes nobody for dead while ps is %s', async (mood) => {
    using ps = new FakePs(folder);
    const self = await markSelf();
    ps.become(mood);

    const answers = await Promise.allSettled([isStillRunning(self), listProcesses(), markSelf()]);
    const unknown = { status: 'rejected', reason: expect.objectContaining({ code: 'processes_unknown' }) };
    expect(answers).toEqual([unknown, unknown, unknown]);
  });

  it('knows that nobody has a pid, whatever ps does', async () => {
    using _ps = new FakePs(folder, 'failing');

    expect(await isStillRunning({ pid: await deadPid(), startTime: 'once' })).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('a system that is asked through its files', () => {
  it('assumes that no process is dead while this process cannot open files', async () => {
    const script = `
      import { closeSync, openSync } from 'node:fs';
      const { isStillRunning, listProcesses, markSelf } = await import(${JSON.stringify(TABLE)});
      const self = await markSelf();
      const taken = [];
      try { for (;;) taken.push(openSync('/dev/null', 'r')); } catch {}
      const answers = await Promise.allSettled([isStillRunning(self), listProcesses()]);
      for (const file of taken) closeSync(file);
      console.log(JSON.stringify([...answers.map(({ status }) => status), await isStillRunning(self)]));`;
    const words = [
      '-c',
      'ulimit -n 100; exec "$@"',
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ];
    const { stdout } = await promisify(execFile)('sh', words);

    expect(JSON.parse(stdout)).toEqual(['rejected', 'rejected', true]);
  });
});
