import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeepAwake, type KeepAwakeOptions } from '../../../../cli/runner/process/keep-awake.ts';
import { isAlive, until } from '../job/conditions.ts';

const CAFFEINATE = join(import.meta.dirname, 'fake-caffeinate.mjs');
const HOLDER = join(import.meta.dirname, 'keep-awake-holder.ts');

let folder: string;
let said: string[];
let awake: KeepAwake[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-awake-'));
  said = [];
  awake = [];
});

afterEach(async () => {
  for (const one of awake) one.close();
  await until(async () => (await living()).length === 0);
  rmSync(folder, { recursive: true, force: true });
});

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, CAFFEINATE_LOG: join(folder, 'log') };
}

function keepAwake(options: Partial<KeepAwakeOptions> = {}): KeepAwake {
  const reporter = { info: () => undefined, warn: (text: string) => void said.push(text) };
  const made = new KeepAwake({
    mode: 'ac',
    reporter,
    isMac: true,
    program: CAFFEINATE,
    env: environment(),
    ...options,
  });
  awake.push(made);
  return made;
}

/** One entry a start: pid and words. */
function starts(): { pid: number; words: string }[] {
  const log = join(folder, 'log');
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, pid, words] = /^start (\d+) (.*)$/.exec(line) ?? [];
      return pid === undefined || words === undefined ? [] : [{ pid: Number(pid), words }];
    });
}

async function living(): Promise<number[]> {
  const pids = starts().map(({ pid }) => pid);
  const alive = await Promise.all(pids.map(isAlive));
  return pids.filter((_pid, at) => alive[at]);
}

describe('keeping the machine awake', () => {
  it('begins with the first job, bound to this process and leased, and ends after the last', async () => {
    const one = keepAwake({ lingerMs: 0 });
    one.busy();
    await until(() => starts().length === 1);
    expect(starts()[0]?.words).toBe(`-s -w ${process.pid} -t 600`);
    one.idle();

    await until(async () => (await living()).length === 0);
  });

  it('takes one caffeinate for a thousand jobs that follow each other', async () => {
    const one = keepAwake();
    for (let job = 0; job < 1000; job += 1) {
      one.busy();
      one.idle();
    }
    one.busy();
    await until(() => starts().length > 0);
    one.close();
    await until(async () => (await living()).length === 0);

    expect(starts()).toHaveLength(1);
  });

  it('renews caffeinate before its time limit, and leaves only one process', async () => {
    const one = keepAwake({ leaseMs: 500 });
    one.busy();
    await until(() => starts().length >= 3);
    one.close();

    await until(async () => (await living()).length === 0);
    expect(said).toEqual([]);
  });

  it('starts caffeinate again if somebody ended it during a job', async () => {
    const one = keepAwake();
    one.busy();
    const first = await until(() => starts()[0]);
    process.kill(first.pid);

    await until(() => starts().length === 2);
  });

  it('leaves nothing when the runner is killed', async () => {
    const holder = spawn(process.execPath, [HOLDER, CAFFEINATE], { env: environment(), stdio: 'ignore' });
    await until(async () => (await living()).length === 1);
    holder.kill('SIGKILL');
    await once(holder, 'exit');

    await until(async () => (await living()).length === 0);
  });

  it('reports once that caffeinate does not work, and the jobs continue', async () => {
    const one = keepAwake({ program: join(folder, 'nothing') });
    one.busy();
    await until(() => said.length > 0);
    one.close();
    one.busy();

    expect(said).toEqual([expect.stringMatching(/may sleep while a job runs: .*ENOENT/)]);

    const other = keepAwake({ program: '/bin/false' });
    other.busy();
    await until(() => said.length === 2);
    expect(said[1]).toContain('exit code 1');
  });

  it.each([
    { options: { mode: 'never' as const }, why: 'may sleep while a job runs' },
    { options: { isMac: false }, why: 'Only a Mac' },
  ])('does nothing with $options, and can say why', ({ options, why }) => {
    const one = keepAwake(options);
    one.busy();

    expect(one.description).toContain(why);
    expect(starts()).toEqual([]);
  });

  it('counts on battery, too, when it is asked to', async () => {
    keepAwake({ mode: 'always' }).busy();

    expect((await until(() => starts()[0])).words).toContain('-is -w');
  });
});
