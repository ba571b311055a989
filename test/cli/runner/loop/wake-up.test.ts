/** The loop in this process, so that a sleep of the machine and a new sign-in can be told to it without waiting. */

import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeContext } from '../../../../cli/output/context.ts';
import type { Waiter } from '../../../../cli/runner/loop/wake-signal.ts';
import { QUIET_LIMIT_MS, startIdleBeats } from '../../../../cli/runner/start/idle-beats.ts';
import { type Prepared, prepare } from '../../../../cli/runner/start/work-setup.ts';
import { FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let service: FakeService;
let machine: LinkedMachine;
let prepared: Prepared;
let running: Promise<void> | undefined;
let said: string[];
let waiter: ManualWaiter;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  said = [];
  waiter = aWaiter();
  running = undefined;
});

afterEach(async () => {
  prepared.drainSwitch.press();
  prepared.drainSwitch.press();
  await running;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

interface ManualWaiter extends Waiter {
  renewals: number;
  isWaiting: boolean;
}

/** Looks only when it is told to. */
function aWaiter(): ManualWaiter {
  let wake = Promise.withResolvers<string | undefined>();
  return {
    renewals: 0,
    isWaiting: false,
    nextPoll(signal) {
      this.isWaiting = true;
      const ended = new Promise<undefined>((end) => {
        if (signal.aborted) end(undefined);
        signal.addEventListener('abort', () => end(undefined), { once: true });
      });
      return Promise.race([wake.promise, ended]).finally(() => {
        wake = Promise.withResolvers();
        this.isWaiting = false;
      });
    },
    poll: () => wake.resolve('event'),
    renew() {
      this.renewals += 1;
      wake.resolve('start');
    },
    close: () => undefined,
  };
}

/** Starts the loop; its own heartbeats are an hour apart. */
async function start({ maxJobs = 2 } = {}): Promise<void> {
  const stderr = new PassThrough();
  const context = makeContext(
    {
      env: machine.env,
      cwd: machine.repo,
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr,
      now: Date.now,
    },
    { repoRoot: machine.repo },
  );
  const reporter = { info: (text: string) => said.push(text), warn: (text: string) => said.push(text) };
  prepared = await prepare(
    context,
    {
      pollInterval: 3600,
      transport: 'poll',
      heartbeatInterval: 3600,
      silenceLimit: 0,
      linkedProjectRoot: [],
      codexBin: RECIPE_AGENT,
      maxJobs,
      keepAwake: 'never',
    },
    reporter,
  );
  running = prepared.loop.run(waiter, () => undefined);
  waiter.poll();
}

const count = (route: string) => service.requests.filter((request) => request.route === route).length;
const isReady = () => existsSync(join(machine.home, 'ready'));
const held = () => ({ ready: join(machine.home, 'ready'), waitFor: join(machine.home, 'go'), say: 'done' });

it('a job costs one look before and one after it', async () => {
  const job = service.addJob('job_1', { say: 'done' });
  await start({ maxJobs: 1 });
  await until(() => job.status === 'completed' && count('poll') >= 2 && waiter.isWaiting);
  expect([count('poll'), waiter.isWaiting]).toEqual([2, true]);
});

describe('a machine that wakes up', () => {
  it('asks about its lease before it claims anything, and renews its channel', async () => {
    const job = service.addJob('job_1', held());
    await start();
    await until(() => isReady() && job.status === 'running');
    const seen = service.requests.length;
    prepared.loop.wakeUp();
    await until(() => service.requests.length > seen);
    expect(service.requests[seen]).toMatchObject({
      route: 'heartbeat',
      body: { jobId: 'job_1', leaseId: 'lea_1' },
    });
    expect(waiter.renewals).toBe(1);
    writeFileSync(join(machine.home, 'go'), '');
    await until(() => job.status === 'completed');
  });

  it('stops an agent whose job went to somebody else meanwhile', async () => {
    const job = service.addJob('job_1', held());
    await start();
    await until(() => isReady() && job.status === 'running');
    service.reclaim(job);
    job.status = 'running';
    prepared.loop.wakeUp();
    await until(() => said.some((text) => text.includes('job_1')) || prepared.loop.jobs.length === 0);
    await until(() => prepared.loop.jobs.length === 0);
    expect(job.completions).toEqual([]);
  });

  it('does not wait for the rest of a pause after an outage', async () => {
    service.isDown = true;
    await start();
    await until(() => said.some((text) => text.includes('Retrying until')));
    const job = service.addJob('job_1', { say: 'back' });
    service.isDown = false;
    prepared.loop.wakeUp();
    await until(() => job.status === 'completed');
  });
});

describe('a runner whose sign-in is refused', () => {
  it('reports it once, waits, and continues with the new token as soon as somebody has signed in', async () => {
    service.isSignedOut = true;
    await start();
    await until(() => prepared.loop.obstacle !== undefined);
    expect(said.filter((text) => text.includes('orp auth login'))).toHaveLength(1);
    // Long after the first tries the pauses are up to a minute; a sign-in ends them.
    await until(() => count('heartbeat') >= 3);
    const path = join(machine.home, 'config/orp/remote-session.json');
    const session = JSON.parse(readFileSync(path, 'utf8'));
    const job = service.addJob('job_1', { say: 'back' });
    service.isSignedOut = false;
    writeFileSync(path, JSON.stringify({ ...session, token: 'dvt_the-new-one' }));
    await until(() => job.status === 'completed');
    expect(service.requests.at(-1)?.token).toBe('dvt_the-new-one');
    expect(said.some((text) => text.startsWith('The runner works again'))).toBe(true);
  });
});

it('a sign-in that cannot be read for a while ends no job and no runner', async () => {
  const job = service.addJob('job_1', held());
  await start();
  await until(() => isReady() && job.status === 'running');
  const path = join(machine.home, 'config/orp/remote-session.json');
  renameSync(path, `${path}.away`);
  // Whoever reads it now is told by the system that it is a folder.
  mkdirSync(path);
  const { lease: desk } = prepared.loop.jobs[0] ?? {};
  await desk?.checkLease();
  expect(desk?.heartbeatError).toContain('EISDIR');
  rmdirSync(path);
  renameSync(`${path}.away`, path);
  writeFileSync(join(machine.home, 'go'), '');
  await until(() => job.status === 'completed');
});

describe('a runner whose machine is signed in to another account', () => {
  it('renews its channel and goes on as soon as the right one has signed in', async () => {
    service.order('heartbeat', 'refused', 'refused', 'refused', 'refused', 'refused', 'refused', 'refused');
    await start();
    await until(() => prepared.loop.obstacle !== undefined);
    const path = join(machine.home, 'config/orp/remote-session.json');
    const session = JSON.parse(readFileSync(path, 'utf8'));
    const job = service.addJob('job_1', { say: 'back' });
    service.clearFaults();
    const renewals = waiter.renewals;
    writeFileSync(path, JSON.stringify({ ...session, token: 'dvt_of-the-right-one' }));
    await until(() => job.status === 'completed');
    expect(waiter.renewals).toBeGreaterThan(renewals);
  });
});

describe('a runner that waits without listening', () => {
  it('sends a heartbeat if nothing has shown lately that the machine is alive, and not before', async () => {
    await start();
    await until(() => count('poll') === 1);
    const beats = count('heartbeat');
    await prepared.loop.beatIfQuiet(QUIET_LIMIT_MS);
    expect(count('heartbeat')).toBe(beats);
    await prepared.loop.beatIfQuiet(0);
    expect(count('heartbeat')).toBe(beats + 1);
    expect(count('poll')).toBe(1);
  });

  it('catches up with changes when it starts and every 30 s, also while a channel stands', () => {
    vi.useFakeTimers();
    try {
      let tries = 0;
      const end = startIdleBeats({
        isListening: () => true,
        beatIfQuiet: async () => undefined,
        catchUp: () => {
          tries += 1;
          return Promise.reject(new Error('The server is away.'));
        },
      });
      expect(tries).toBe(1);
      vi.advanceTimersByTime(60_000);
      expect(tries).toBe(3);
      end();
    } finally {
      vi.useRealTimers();
    }
  });

  it('sends a heartbeat only while no channel is open', async () => {
    await start();
    vi.useFakeTimers();
    try {
      let isListening = true;
      const asked: number[] = [];
      const end = startIdleBeats({
        isListening: () => isListening,
        beatIfQuiet: async (quietMs) => void asked.push(quietMs),
      });
      vi.advanceTimersByTime(10 * 60_000);
      expect(asked).toEqual([]);
      isListening = false;
      vi.advanceTimersByTime(60_000);
      expect(asked).toEqual([QUIET_LIMIT_MS, QUIET_LIMIT_MS]);
      end();
      vi.advanceTimersByTime(60_000);
      expect(asked).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
