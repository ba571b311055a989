/** Somebody on the way to the server answers in its place: whatever they say, no lease ends, nothing is dropped, nothing runs twice. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HostedApi, Reply } from '../../../../cli/runner/job/hosted-api.ts';
import { FakeService, type Route, type Stranger } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';
import { runnerContext } from '../runner-context.ts';

let service: FakeService;
let machine: LinkedMachine;
let runner: OrpProcess | undefined;

async function begin(): Promise<void> {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
}

async function end(): Promise<void> {
  runner?.child.kill('SIGKILL');
  await runner?.ended;
  runner = undefined;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
}

const PAGE = '<!doctype html><title>Sign in to the network</title>';
const STRANGERS: Stranger[] = [
  { status: 200, body: PAGE },
  { status: 200, body: '' },
  { status: 200, body: '{}' },
  { status: 200, body: '{"ok":true}' },
  { status: 200, body: '{"error":"no","code":"lease_lost","requestId":"req_9"}' },
  { status: 302, body: '' },
  { status: 401, body: PAGE },
  { status: 401, body: '{"error":"Unauthorized"}' },
  { status: 403, body: PAGE },
  { status: 404, body: '{"error":"no such lease","code":"not_found"}' },
  { status: 409, body: '{"error":"taken","code":"lease_lost"}' },
  { status: 409, body: '{"error":"taken","code":"taken","requestId":"req_9"}' },
  { status: 413, body: 'Request Entity Too Large' },
];

function folder(name: string): string[] {
  const path = join(machine.home, 'state/orp', name);
  return existsSync(path) ? readdirSync(path) : [];
}

const held = { jobId: 'job_1', leaseId: 'lea_1' };
const receipt = { processes: 1, signal: 'SIGINT', tookMs: 5, at: '2026-04-01T10:00:00Z' } as const;
const report = { success: true, summary: null, content: 'The answer.', error: null };
const message = { seq: 1, at: '2026-04-01T10:00:00Z', content: 'Hi.', meta: {} };

/** Every call of the runner, and the route it goes to. */
const CALLS: Record<string, [Route, (service: HostedApi) => Promise<Reply<unknown>>]> = {
  poll: ['poll', (to) => to.poll({ claimId: 'claim-0001' })],
  heartbeat: ['heartbeat', (to) => to.heartbeat(held, false)],
  start: ['start', (to) => to.start(held)],
  message: ['messages', (to) => to.addMessage(held, message)],
  output: ['logs', (to) => to.addLogs(held, [])],
  result: ['complete', (to) => to.complete(held, report)],
  receipt: ['cancel', (to) => to.confirmCancel(held, receipt)],
};

describe.each(Object.entries(CALLS))('the %s of a runner', (_, [route, ask]) => {
  beforeAll(begin);
  afterAll(end);

  it.each(STRANGERS)('takes status $status with $body for an outage', async (stranger) => {
    const { service: hosted } = runnerContext({ machine, baseUrl: service.baseUrl, startTime: 'first' });
    await hosted.heartbeat({}, false);
    service.order(route, stranger);
    expect(await ask(hosted)).toMatchObject({ kind: 'unavailable' });
  });
});

function start(...words: string[]): void {
  const all = ['runner', 'work', '--codex-bin', RECIPE_AGENT, '--transport', 'poll', ...words];
  runner = startOrp(all, { cwd: machine.repo, env: machine.env });
}

describe('a job whose way to the server is not clear', () => {
  beforeEach(begin);
  afterEach(end);

  it.each<Route>(['poll', 'start', 'messages', 'logs', 'complete', 'sync'])(
    'runs once and delivers its answer, whoever answers its %s first',
    async (route) => {
      const job = service.addJob('job_1', { raw: ['counting'], say: 'Twelve.' });
      service.order(route, { status: 403, body: PAGE }, { status: 200, body: '' });
      start();
      await until(() => job.completions.length === 1);
      await until(() => folder('spool/mach-1').length === 0);
      expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'Twelve.' })]);
      expect([job.claims.length, job.starts, job.status]).toEqual([1, 1, 'completed']);
      expect(service.textOf(job, 'stdout')).toBe('counting\n');
      expect(folder('kept')).toEqual([]);
    },
  );

  it('confirms its cancel in the end', async () => {
    const job = service.addJob('job_1', { ready: join(machine.home, 'ready'), hang: true });
    service.order('cancel', { status: 404, body: PAGE }, { status: 200, body: '{}' });
    // Only a heartbeat tells this runner of the cancel.
    start('--heartbeat-interval', '1');
    await until(() => existsSync(join(machine.home, 'ready')));
    service.cancel(job);
    runner?.child.kill('SIGINT');
    await until(() => job.receipts.length === 1);
  });

  it('says to a person what answered, and ends with 2', async () => {
    const answers = Array<Stranger>(4).fill({ status: 403, body: PAGE });
    service.order('sync', ...answers);
    const { code, stderr } = await runOrp(['runner', 'sync'], { cwd: machine.repo, env: machine.env });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: Something between here and the server answered \(a web page\)\.\nhint: Nothing was lost\. Check /,
    );
  });
});
