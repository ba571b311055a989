/** The service is away for an hour of simulated time; the runner is killed in the middle. HTTP, files and the agent are real. */

import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pause, retryPauseMs } from '../../../../cli/base/pause.ts';
import { runPrompt } from '../../../../cli/runner/agent-run/prompt-run.ts';
import type { WorkContext } from '../../../../cli/runner/job/work-context.ts';
import { JobLease } from '../../../../cli/runner/lease/job-lease.ts';
import { recoverSpools } from '../../../../cli/runner/lease/recovery.ts';
import { T0 } from '../../../support/clock.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { runnerContext } from '../runner-context.ts';

const HOUR_MS = 3_600_000;

interface Exchange {
  request: unknown;
  response: EventEmitter;
}
const begun = (message: unknown) => void underWay.add((message as Exchange).request);
const failed = (message: unknown) => void underWay.delete((message as Exchange).request);
const answered = (message: unknown) => {
  const { request, response } = message as Exchange;
  response.once('close', () => underWay.delete(request));
};

let service: FakeService;
let machine: LinkedMachine;
/** Requests whose answer has not been read. */
const underWay = new Set<unknown>();
/** Operations on files that this process waits for, by id. */
const fileWork = new Set<number>();
const fileWatch = createHook({
  init: (id, type) => {
    if (type.startsWith('FS') || type === 'FILEHANDLECLOSEREQ') fileWork.add(id);
  },
  before: (id) => fileWork.delete(id),
  destroy: (id) => fileWork.delete(id),
});

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  underWay.clear();
  subscribe('http.client.request.start', begun);
  subscribe('http.client.request.error', failed);
  subscribe('http.client.response.finish', answered);
  fileWork.clear();
  fileWatch.enable();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: T0 });
});

afterEach(async () => {
  vi.useRealTimers();
  fileWatch.disable();
  unsubscribe('http.client.request.start', begun);
  unsubscribe('http.client.request.error', failed);
  unsubscribe('http.client.response.finish', answered);
  await service.close();
  machine.remove();
});

function aRunner(startTime: string): WorkContext {
  return runnerContext({ machine, baseUrl: service.baseUrl, startTime });
}

/**
 * Lets time pass until the work is done; files, sockets and processes get their turns in between. While a request or a file
 * is under way no time passes: on a busy machine either would last minutes of this clock.
 */
async function simulate<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    for (let turn = 0; (turn < 20 || underWay.size > 0 || fileWork.size > 0) && !isDone; turn += 1) {
      await new Promise((next) => setImmediate(next));
    }
    await vi.advanceTimersToNextTimerAsync();
  }
  return done;
}

/** The first runner: the agent works while the service is there, and the result is tried for as long as one may take. */
async function workAndGiveUp(
  context: WorkContext,
  job: FakeJob,
  { isDown }: { isDown: boolean },
): Promise<string> {
  const claimed = { id: job.id, kind: job.kind, attempt: 1, prompt: job.prompt };
  const lease = { leaseId: 'lea_1' };
  const held = JobLease.claimed(context, { job: claimed, raw: {}, lease }, undefined);
  await held.begin();
  held.startHeartbeats();
  await held.announce('Prompt is going to Main.', {});
  const { result } = await runPrompt(context, held, {
    job: claimed,
    codexSessionId: 'codex-1',
    cwd: machine.repo,
  });
  // Until here the clock stood still: an agent has nothing of simulated time.
  service.isDown = isDown;
  const delivery = await simulate(held.deliver(result));
  return delivery.kind;
}

/** The second runner: rounds of recovery until nothing waits. */
async function recover(context: WorkContext): Promise<number> {
  for (let round = 1; ; round += 1) {
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), 60_000);
    const options = { isBusy: () => false, signal: end.signal, onRecovered: async () => undefined };
    const waiting = await recoverSpools(context, options);
    clearTimeout(timer);
    if (waiting === 0) return round;
    await pause(retryPauseMs(round));
  }
}

it('every byte and the result arrive once and in order after an hour of 503 and a restart', async () => {
  const lines = Array.from({ length: 3000 }, (_, at) => `line ${at} ${'x'.repeat(at % 300)}`);
  const job = service.addJob('job_1', { raw: lines, say: 'The answer.\n' });
  job.status = 'running';
  job.leaseId = 'lea_1';
  // What is sent first takes effect and its answer is lost: it is sent again.
  service.order('logs', 'lost', 'lost');
  service.order('messages', 'lost');

  expect(await workAndGiveUp(aRunner('first'), job, { isDown: true })).toBe('pending');
  const before = service.requests.length;
  let back = 0;
  setTimeout(() => {
    service.isDown = false;
    back = service.requests.length;
  }, HOUR_MS);
  const rounds = await simulate(recover(aRunner('second')));

  expect(Date.now() - T0).toBeGreaterThan(HOUR_MS);
  expect(rounds).toBeGreaterThan(5);
  // Patient: an hour of trying is some hundred requests, not thousands.
  expect(service.requests.length - before).toBeLessThan(1000);
  const routes = service.requests.slice(back).map(({ route }) => route);
  expect(routes.filter((route) => route !== 'heartbeat')).toEqual([
    ...routes.filter((route) => route === 'logs'),
    'complete',
  ]);
  expect(service.textOf(job, 'stdout')).toBe(`${lines.join('\n')}\n`);
  expect(service.textOf(job, 'agent')).toBe('The answer.\n');
  expect([...job.chunks.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: job.chunks.size }, (_, at) => at + 1),
  );
  expect(job.completions).toEqual([
    expect.objectContaining({ leaseId: 'lea_1', success: true, content: 'The answer.\n' }),
  ]);
  expect(existsSync(join(machine.home, 'state/orp/spool/mach-1/lea_1'))).toBe(false);
});

it('a result does not wait for a transcript that is not taken, and the transcript is not forgotten', async () => {
  const lines = Array.from({ length: 100 }, (_, at) => `line ${at}`);
  const job = service.addJob('job_1', { raw: lines, say: 'The answer.' });
  job.status = 'running';
  job.leaseId = 'lea_1';
  service.order('logs', ...Array<'unavailable'>(1000).fill('unavailable'));
  expect(await workAndGiveUp(aRunner('first'), job, { isDown: false })).toBe('delivered');
  expect(job.status).toBe('completed');
  expect(service.textOf(job, 'stdout')).toBe('');
  service.clearFaults();
  await simulate(recover(aRunner('second')));

  expect(service.textOf(job, 'stdout')).toBe(`${lines.join('\n')}\n`);
  expect(job.completions).toHaveLength(1);
  expect(existsSync(join(machine.home, 'state/orp/spool/mach-1/lea_1'))).toBe(false);
});
