/** `orp` towards a server of v0.4.4: it speaks the contract and nothing more, and whatever is more is refused before it is asked. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FirstServer } from '../../../support/first-server.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let server: FirstServer;
let machine: LinkedMachine;
let runner: OrpProcess | undefined;

beforeEach(async () => {
  server = await FirstServer.start();
  machine = linkedMachine(server.baseUrl);
});

afterEach(async () => {
  runner?.child.kill('SIGKILL');
  await runner?.ended;
  runner = undefined;
  endLeftAgents(machine.home);
  await server.close();
  machine.remove();
});

function orp(...words: string[]) {
  return runOrp(words, { cwd: machine.repo, env: machine.env });
}

async function orpJson(...words: string[]) {
  const { code, stdout, stderr } = await orp(...words, '--json');
  return { code, document: JSON.parse(stdout === '' ? stderr : stdout) };
}

function startRunner(...words: string[]): OrpProcess {
  const all = ['runner', 'work', '--codex-bin', RECIPE_AGENT, ...words];
  runner = startOrp(all, { cwd: machine.repo, env: machine.env });
  return runner;
}

function spools(): string[] {
  const folder = join(machine.home, 'state/orp/spool/mach-1');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The query parameters and body fields that were sent to a route. */
function wordsTo(path: RegExp): string[] {
  const asked = server.requests.filter((request) => path.test(request.path));
  return [...new Set(asked.flatMap(({ query, body }) => [...query.keys(), ...Object.keys(body)]))].sort();
}

const DONE = { status: 'completed', starts: 1, claims: 1 };

describe('a dry run', () => {
  it.each([
    ['runner work', ['runner', 'work', '--dry-run', '--codex-bin', RECIPE_AGENT]],
    ['agent work', ['agent', 'work', '--dry-run', '--agent', 'survey', '--codex-bin', RECIPE_AGENT]],
  ])('of %s is refused before anything is asked that would claim', async (_, words) => {
    const job = server.addJob('job_1', '{"say": "never"}');
    server.review = { id: 'job_8' };
    const { code, document } = await orpJson(...words);
    expect([code, document.code]).toEqual([2, 'not_offered']);
    expect(document.error).toMatch(/^The server .* does not support dry runs: it would hand out the job\.$/);
    expect(server.routes).toEqual(['GET /api/cli/me']);
    expect([job.status, job.claims]).toEqual(['queued', 0]);
  });
});

describe('a runner', () => {
  it('runs one job with the calls of the contract', async () => {
    const job = server.addJob('job_1', JSON.stringify({ raw: ['counting'], say: 'Twelve.' }));
    const { code, document } = await orpJson('runner', 'work', '--once', '--codex-bin', RECIPE_AGENT);
    expect([code, document.ok]).toEqual([0, true]);
    expect(job).toMatchObject(DONE);
    expect(job.completions).toEqual([
      expect.objectContaining({ success: true, content: 'Twelve.', error: null }),
    ]);
    expect(job.lines).toContainEqual({ level: 'info', line: 'counting' });
    expect(wordsTo(/poll$/)).toEqual(['machineId']);
    expect(wordsTo(/heartbeat$/)).toEqual(['machineId', 'machineName']);
    expect(wordsTo(/logs$/)).toEqual(['leaseId', 'lines', 'machineId']);
    expect(wordsTo(/messages$/)).toEqual(['content', 'leaseId', 'machineId', 'meta', 'sender']);
    expect(wordsTo(/complete$/)).toEqual(['content', 'error', 'leaseId', 'machineId', 'success', 'summary']);
    expect(spools()).toEqual([]);
  });

  it('is woken over the stream of the contract, job after job', async () => {
    startRunner('--transport', 'auto', '--poll-interval', '30');
    await until(() => server.routes.includes('GET /api/cli/runner/events/stream'));
    const first = server.addJob('job_1', '{"say": "One."}');
    await until(() => first.status === 'completed');
    const second = server.addJob('job_2', '{"say": "Two."}');
    await until(() => second.status === 'completed');
    expect([first, second]).toMatchObject([DONE, DONE]);
    expect(wordsTo(/stream$/)).toEqual(['machineId', 'waitSeconds']);
    expect(server.routes.filter((route) => route.includes('/ws'))).toEqual([]);
  });

  it('does not open streams without end while there is work that it cannot take yet', async () => {
    startRunner('--transport', 'sse', '--poll-interval', '2');
    const go = join(machine.home, 'go');
    const first = server.addJob('job_1', JSON.stringify({ waitFor: go, say: 'One.' }));
    await until(() => first.status === 'running');
    server.addJob('job_2', '{"say": "Two."}');
    const streams = () => server.requests.filter(({ path }) => path.endsWith('/stream')).length;
    const before = streams();
    const started = performance.now();
    await until(() => streams() >= before + 3);
    expect(performance.now() - started).toBeGreaterThan(2000);
  });

  it('reports missing WebSockets at once if it must use only them', async () => {
    const { code, stderr } = await startRunner('--transport', 'ws').ended;
    expect(code).toBe(2);
    expect(stderr).toContain('does not support --transport ws.\nhint: Use --transport auto');
  });

  it('keeps the answer when the server refuses it in a sentence, and delivers it later', async () => {
    const job = server.addJob('job_1', '{"say": "Twelve."}');
    startRunner('--poll-interval', '1');
    await until(() => job.status === 'running');
    server.refused.add('complete');
    await until(() => server.requests.some(({ path }) => path.endsWith('/complete')));
    expect(job.completions).toEqual([]);
    expect(spools()).toHaveLength(1);
    server.refused.clear();
    await until(() => job.completions.length === 1);
    await until(() => spools().length === 0);
  });
});

describe('the compatibility worker', () => {
  it('takes a review as the v0.4.4 workers did', async () => {
    server.review = {
      id: 'job_8',
      kind: 'idea.checkpoint',
      prompt: '{"say": "Looks good."}',
      world: { id: 'wor_3', projectRoot: machine.repo, codexSessionId: 'codex-1' },
      checkpoint: { id: 'chk_31' },
    };
    const words = ['agent', 'work', '--agent', 'survey', '--once', '--codex-bin', RECIPE_AGENT];
    const { code, document } = await orpJson(...words);
    expect([code, document.ok]).toEqual([0, true]);
    expect(wordsTo(/agent\/jobs\/poll$/)).toEqual(['agent']);
    expect(server.reviewAnswers).toMatchObject([{ body: 'Looks good.', worker: { ok: true } }]);
    expect(wordsTo(/respond$/)).toEqual(['body', 'structuredOutput', 'summary', 'worker']);
  });
});

describe('orders', () => {
  it.each([
    ['cancel', 'cancelled'],
    ['retry', 'queued'],
  ])('runner %s works in the words of the contract', async (verb, status) => {
    const job = server.addJob('job_1', 'Hi');
    job.status = 'failed';
    const { code, document } = await orpJson('runner', verb, 'job_1', '--reason', 'again');
    expect([code, document.response.job]).toEqual([0, { id: 'job_1', status }]);
    expect(wordsTo(new RegExp(`${verb}$`))).toEqual(['leaseId', 'machineId', 'reason']);
  });

  it.each([
    ['job submit', ['job', 'submit', 'Hi'], /job commands/],
    ['job list', ['job', 'list'], /job commands/],
    ['job show', ['job', 'show', 'job_1'], /job commands/],
    ['job wait', ['job', 'wait', 'job_1'], /job commands/],
    ['job logs', ['job', 'logs', 'job_1'], /job commands/],
    ['job logs --follow', ['job', 'logs', 'job_1', '--follow'], /job (commands|live)/],
    ['job cancel', ['job', 'cancel', 'job_1'], /job commands/],
    ['job retry', ['job', 'retry', 'job_1'], /job commands/],
    ['runner drain', ['runner', 'drain'], /managing a machine/],
  ])('%s says clearly that this server does not offer it', async (_, words, what) => {
    server.addJob('job_1', 'Hi');
    const { code, document } = await orpJson(...words);
    expect([code, document.code]).toEqual([2, 'not_offered']);
    expect(document.error).toMatch(/^The server http:.* does not support .*\.$/);
    expect(document.error).toMatch(what);
    expect(document.hint).not.toBe('');
    expect(server.routes).toEqual(['GET /api/cli/me']);
  });

  it('sync, heartbeat, whoami and a queued review are answered', async () => {
    for (const words of [
      ['whoami'],
      ['runner', 'sync'],
      ['runner', 'heartbeat'],
      ['checkpoint', 'queue', '--idea-id', 'ide_1'],
      ['runner', 'status', '--hosted'],
    ]) {
      expect((await orpJson(...words)).code).toBe(0);
    }
  });
});
