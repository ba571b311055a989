import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOlder } from '../../../../cli/base/version.ts';
import { runnerLockPath } from '../../../../cli/files/paths.ts';
import { findProcess } from '../../../../cli/runner/process/process-table.ts';
import { type RunnerHolder, RunnerLock, readRunnerLock } from '../../../../cli/runner/process/runner-lock.ts';
import { becomeRunner, type TakeOverOptions } from '../../../../cli/runner/process/take-over.ts';
import { letServiceLeave } from '../../../../cli/service/leave.ts';
import { T0 } from '../../../support/clock.ts';
import { FakePs } from './fake-ps.ts';

let home: string;
let place: { env: NodeJS.ProcessEnv; machineId: string };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'orp-lock-'));
  place = { env: { XDG_STATE_HOME: home, HOME: home }, machineId: 'mach-1' };
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const path = () => runnerLockPath(place.env, place.machineId);

async function aHolder(overrides: Partial<RunnerHolder> = {}): Promise<RunnerHolder> {
  const entry = await findProcess(overrides.pid ?? process.pid);
  return {
    pid: process.pid,
    startTime: entry?.startTime ?? 'gone',
    instance: crypto.randomUUID(),
    startedAtUtc: '2026-04-01T10:00:00Z',
    version: '0.5.0',
    transport: 'auto',
    isService: false,
    isOnce: false,
    ...overrides,
  };
}

/** A process that lives until the test ends it. */
async function stranger(): Promise<{ pid: number; end(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
  const ended = new Promise<void>((settle) => child.once('exit', () => settle()));
  await new Promise((ready) => child.once('spawn', ready));
  return {
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function options(self: RunnerHolder, overrides: Partial<TakeOverOptions> = {}): TakeOverOptions {
  return {
    place,
    self,
    waitMs: undefined,
    now: () => T0,
    onWait: () => undefined,
    signal: new AbortController().signal,
    pause: async () => undefined,
    terminate: () => {
      throw new Error('nobody may be signalled here');
    },
    ...overrides,
  };
}

describe('the lock of a machine', () => {
  it('is free, then held by one process, then free again', async () => {
    const self = await aHolder();
    expect(await readRunnerLock(place)).toEqual({ kind: 'free' });
    const taken = await RunnerLock.take(place, self);
    if (taken.kind !== 'taken') throw new Error('not taken');
    expect(await readRunnerLock(place)).toEqual({ kind: 'held', holder: self });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    await taken.lock.release();
    expect(existsSync(path())).toBe(false);
    expect(existsSync(join(dirname(path()), '.lock'))).toBe(false);
  });

  it('belongs to one of many that start at once', async () => {
    const starters = await Promise.all(Array.from({ length: 8 }, () => aHolder()));
    const outcomes = await Promise.all(starters.map((self) => RunnerLock.take(place, self)));
    expect(outcomes.filter(({ kind }) => kind === 'taken')).toHaveLength(1);
  });

  it('does not affect another machine', async () => {
    await RunnerLock.take(place, await aHolder());
    const other = { ...place, machineId: 'mach-2' };
    expect((await RunnerLock.take(other, await aHolder())).kind).toBe('taken');
  });

  it('is taken over from a process that is gone, and from a pid that the system gave to somebody else', async () => {
    const other = await stranger();
    const dead = await aHolder({ pid: other.pid, startTime: 'another start' });
    await RunnerLock.take(place, dead);
    expect(await readRunnerLock(place)).toMatchObject({ kind: 'abandoned', holder: { pid: other.pid } });
    expect((await RunnerLock.take(place, await aHolder())).kind).toBe('taken');
    await other.end();
  });

  it.each([
    ['half a file', '{"pid": 1'],
    ['an empty file', ''],
    ['a file without a start time', '{"pid": 1, "instance": "x"}'],
    ['a pid that stands for every process', '{"pid": -1, "start_time": "x", "instance": "x"}'],
  ])('is taken when it holds %s', async (_, text) => {
    mkdirSync(dirname(path()), { recursive: true });
    writeFileSync(path(), text);
    expect(await readRunnerLock(place)).toEqual({ kind: 'torn' });
    const self = await aHolder();
    expect((await RunnerLock.take(place, self)).kind).toBe('taken');
    expect(await readRunnerLock(place)).toEqual({ kind: 'held', holder: self });
  });

  it('is never taken over while the process list cannot be read', async () => {
    using ps = new FakePs(home);
    const other = await stranger();
    const holder = await aHolder({ pid: other.pid });
    await RunnerLock.take(place, holder);
    const self = await aHolder();
    ps.become('failing');
    const unknown = { code: 'processes_unknown' };

    await expect(RunnerLock.take(place, self)).rejects.toMatchObject(unknown);
    await expect(becomeRunner(options(self, { waitMs: 400 }))).rejects.toMatchObject(unknown);
    const service = { place, waitMs: 400, now: () => T0, say: () => undefined };
    await expect(letServiceLeave(service)).rejects.toMatchObject(unknown);
    ps.become('true');
    expect(await readRunnerLock(place)).toEqual({ kind: 'held', holder });
    await other.end();
  });

  it('is written again after it was removed, and names the holder if another process took it', async () => {
    const self = await aHolder();
    const taken = await RunnerLock.take(place, self);
    if (taken.kind !== 'taken') throw new Error('not taken');
    rmSync(path());
    expect(await taken.lock.confirm()).toBeUndefined();
    expect(await readRunnerLock(place)).toMatchObject({ kind: 'held', holder: self });

    rmSync(path());
    const other = await aHolder();
    await RunnerLock.take(place, other);
    expect(await taken.lock.confirm()).toMatchObject({ instance: other.instance });
    await taken.lock.release();
    expect(await readRunnerLock(place)).toMatchObject({ kind: 'held', holder: other });
  });
});

describe('a second runner', () => {
  it('reports the runner that holds the machine, its start, its version, and what to do', async () => {
    await RunnerLock.take(place, await aHolder({ isService: true }));
    await expect(becomeRunner(options(await aHolder()))).rejects.toMatchObject({
      exitCode: 2,
      code: 'runner_running',
      message: `A runner is already running on this machine (as a service): pid ${process.pid}, since 2026-04-01T10:00:00Z, version 0.5.0, transport auto.`,
      hint: expect.stringContaining('--takeover'),
    });
  });

  it('reports with --once that the other runner takes the jobs', async () => {
    await RunnerLock.take(place, await aHolder());
    await expect(becomeRunner(options(await aHolder({ isOnce: true })))).rejects.toMatchObject({
      hint: expect.stringContaining('takes the queued jobs itself'),
    });
  });

  it('asks the holder once, waits for it, and takes its place', async () => {
    const holder = await aHolder();
    const first = await RunnerLock.take(place, holder);
    if (first.kind !== 'taken') throw new Error('not taken');
    const signalled: number[] = [];
    const waits: number[] = [];
    let looks = 0;
    const self = await aHolder();
    await becomeRunner(
      options(self, {
        waitMs: 60_000,
        terminate: (pid) => signalled.push(pid),
        onWait: (_, ms) => waits.push(ms),
        pause: async () => {
          looks += 1;
          if (looks === 8) await first.lock.release();
        },
      }),
    );

    expect(signalled).toEqual([process.pid]);
    expect(waits).toEqual([0, 1000]);
    expect(await readRunnerLock(place)).toMatchObject({ kind: 'held', holder: { instance: self.instance } });
  });

  it('sends no second signal to a holder that is finishing: it would stop the agents', async () => {
    const first = await RunnerLock.take(place, await aHolder());
    if (first.kind !== 'taken') throw new Error('not taken');
    await first.lock.noteDraining(T0);
    expect(JSON.parse(readFileSync(path(), 'utf8')).draining_at_utc).toBe('2026-04-01T10:00:00Z');
    await expect(becomeRunner(options(await aHolder(), { waitMs: 400 }))).rejects.toMatchObject({
      code: 'runner_running',
      message: expect.stringContaining('is still finishing its jobs'),
      hint: expect.stringContaining(`kill ${process.pid}`),
    });
  });

  it('never takes over from a newer build', async () => {
    await RunnerLock.take(place, await aHolder({ version: '0.6.0' }));
    await expect(becomeRunner(options(await aHolder(), { waitMs: 400 }))).rejects.toMatchObject({
      code: 'runner_newer',
    });
  });

  it('reports that the holder belongs to another user', async () => {
    await RunnerLock.take(place, await aHolder());
    const terminate = () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    };
    await expect(becomeRunner(options(await aHolder(), { waitMs: 400, terminate }))).rejects.toMatchObject({
      message: expect.stringContaining('belongs to another user'),
    });
  });
});

it.each([
  ['0.5.0', '0.6.0', true],
  ['0.10.0', '0.9.9', false],
  ['0.5.0', '0.5.0', false],
  ['0.5.0-rc.1', '0.5.0', true],
  ['unknown', '0.5.0', true],
  ['0.5.0', 'unknown', false],
])('%s against %s: older is %s', (mine, theirs, older) => {
  expect(isOlder(mine, theirs)).toBe(older);
});
