/** A hostile server, and a runner or a follower that stays: nothing that it says steers the terminal. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRunnerLock } from '../../../cli/runner/process/runner-lock.ts';
import { arrange } from '../../contract/cli-situations.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';
import { FakeService } from '../runner/fake-hosted.ts';
import { until } from '../runner/job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { MAIN, RECIPE_AGENT } from '../runner/orp-process.ts';
import { endLeftAgents } from '../runner/process/left-agents.ts';
import { EVIL, poison, steering, WORDS } from './hostile.ts';
import { HostileFront, type Word } from './hostile-front.ts';
import { type OwnTerminal, openTerminal } from './terminal.ts';

/** What is spared so that a job is understood, found and run; the prompt and all else is poisoned. */
const RUNS = [...WORDS, 'id', 'leaseId', 'ideaId', 'orpSessionId', 'codexSessionId', 'projectRoot', 'action'];
const READY: Word = { event: 'ready' };
const LEASE = { jobId: 'job_1', leaseId: 'lea_1', reason: 'revoked', by: 'mira', message: 'm' };
const ORDERS: Word[] = (['ready', 'job.available', 'job.cancelled', 'lease.lost', 'drain'] as const).map(
  (event) => ({ event, data: LEASE }),
);
const PACE = ['--poll-interval', '1', '--heartbeat-interval', '1'];

describe('a hostile server cannot steer the terminal of a runner', () => {
  let service: FakeService;
  let front: HostileFront;
  let machine: LinkedMachine;
  let terminal: OwnTerminal;

  beforeEach(async () => {
    service = await FakeService.start();
    front = await HostileFront.start(service);
    machine = linkedMachine(front.url);
    delete machine.env.NO_COLOR;
  });

  afterEach(async () => {
    const runner = await runnerPid();
    if (runner !== undefined) process.kill(runner, 'SIGKILL');
    terminal.close();
    await terminal.ended;
    endLeftAgents(machine.home);
    await front[Symbol.asyncDispose]();
    await service.close();
    machine.remove();
  });

  /** Of the runner that holds the machine; undefined once none does. */
  async function runnerPid(): Promise<number | undefined> {
    const lock = await readRunnerLock({ env: machine.env, machineId: 'mach-1' });
    return lock.kind === 'held' ? lock.holder.pid : undefined;
  }

  function start(transport: string, ...words: string[]): void {
    const work = ['runner', 'work', '--verbose', '--transport', transport, ...PACE];
    const command = [process.execPath, MAIN, ...work, '--codex-bin', RECIPE_AGENT, ...words];
    terminal = openTerminal(command, { cwd: machine.repo, env: machine.env });
  }

  async function leave(): Promise<void> {
    const runner = await runnerPid();
    if (runner !== undefined) process.kill(runner, 'SIGTERM');
    await terminal.ended;
  }

  it.each([[[]], [['--json']], [['--once']], [['--once', '--dry-run']]])(
    'that works on a job, with %j',
    async (words) => {
      front.spared = RUNS;
      const job = service.addJob('job_1', 'Count.', { extra: { summary: 'Count' } });
      start('poll', ...words);
      if (words.length > 0 && words[0] === '--once') await terminal.ended;
      else {
        await until(() => job.completions.length > 0);
        await leave();
      }
      // The agent repeats its prompt.
      if (!words.includes('--dry-run')) expect(job.completions[0]?.content).toContain('You said: Count.');
      expect(terminal.output).toContain('job_1');
      expect(steering(terminal.output)).toBeUndefined();
    },
  );

  it.each(['lease_lost', 'not_found', 'invalid_input'])('that is refused with %s', async (code) => {
    front.spared = RUNS;
    front.refuses = code;
    service.addJob('job_1', 'Count.');
    start('poll', '--once');
    await terminal.ended;
    expect(terminal.output).toMatch(/job_1|refused/);
    expect(steering(terminal.output)).toBeUndefined();
  });

  it.each([[WORDS], [[...WORDS, 'id', 'leaseId']], [[]]])(
    'that gets a job it cannot use, spared only %j',
    async (spared) => {
      front.spared = spared;
      service.addJob('job_1', 'Count.', { extra: { createdBy: 'mira' } });
      start('poll', '--once');
      await terminal.ended;
      expect(terminal.output.length).toBeGreaterThan(0);
      expect(steering(terminal.output)).toBeUndefined();
    },
  );

  it('that asks the person at the machine', async () => {
    front.spared = RUNS;
    const policy = { schema_version: '1.0.0', confirm: 'always' };
    writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
    service.addJob('job_1', 'Count.');
    start('poll', '--once');
    await until(() => terminal.output.includes('May it run?'));
    terminal.type('n\n');
    await terminal.ended;
    expect(terminal.output).toContain('\\u001b');
    const [shown = ''] = terminal.output.split('May it run?');
    expect(steering(shown)).toBeUndefined();
  });

  it('whose heartbeat is answered with poisoned reasons', async () => {
    front.spared = RUNS;
    const job = service.addJob('job_1', { hang: true });
    front.spared = [...RUNS, 'prompt'];
    start('poll');
    await until(() => job.status === 'running');
    service.cancel(job);
    await until(() => terminal.output.includes('failed after'));
    await leave();
    expect(terminal.output).toContain('job_1');
    expect(steering(terminal.output)).toBeUndefined();
  });

  const lost = (code: string, error: string): Word[] => [READY, { event: 'error', data: { error, code } }];
  it.each<{ what: string; over: string; words: Word[]; shows?: RegExp }>([
    { what: 'is replaced', over: 'ws', words: [READY, { close: 4001 }], shows: /another runner/i },
    { what: 'loses its sign-in', over: 'ws', words: [READY, { close: 4003 }], shows: /no\\u001b/ },
    { what: 'is closed', over: 'ws', words: [READY, { close: 4999 }] },
    {
      what: 'hears that it is replaced',
      over: 'ws',
      words: lost('replaced', 'Gone.'),
      shows: /Gone\.\\u001b/,
    },
    {
      what: 'hears that it is replaced',
      over: 'sse',
      words: lost('replaced', 'Gone.'),
      shows: /Gone\.\\u001b/,
    },
    { what: 'hears of an unknown error', over: 'sse', words: lost('odd', 'Odd.'), shows: /Odd\.\\u001b/ },
    { what: 'loses its sign-in', over: 'sse', words: lost('unauthenticated', 'Who?'), shows: /Who\?\\u001b/ },
    { what: 'gets every order', over: 'ws', words: ORDERS },
    {
      what: 'gets every order',
      over: 'sse',
      words: [...ORDERS, { event: 'timeout', data: { reason: 'reconnect' } }],
    },
  ])('that $what over $over', async ({ over, words, shows = /./ }) => {
    front.spared = RUNS;
    front.words = words;
    start(over);
    await until(() => front.said > 0 && shows.test(terminal.output));
    // What else comes of it is shown within one more round.
    const polls = service.requests.length;
    await until(async () => service.requests.length > polls + 1 || (await runnerPid()) === undefined);
    await leave();
    expect(steering(terminal.output)).toBeUndefined();
  });
});

describe('a hostile server cannot steer the terminal of one who follows a job', () => {
  const entry = { attempt: 1, seq: 1, cursor: '1-1', at: '2026-04-01T10:00:00.000Z', level: 'info' };
  const frame = (event: string, data: object) =>
    `event: ${event}\nid: 1-1\ndata: ${JSON.stringify(poison(data, WORDS))}\n\n`;
  const ENTRIES = ['stdout', 'stderr', 'agent', 'system']
    .map((stream) => frame('entry', { ...entry, type: 'log', stream, text: 'output' }))
    .join('');
  const STREAMS = {
    'to its end': `: ${EVIL}\n\n${ENTRIES}${frame('status', { status: 'running' })}${frame('end', { status: 'completed' })}`,
    'with names and ids of its own': `${ENTRIES}event: end${EVIL.replaceAll(/[\r\n]/g, '')}\nid: x\u001b[2J\ndata: {}\n\n${frame('end', { status: 'failed' })}`,
  };

  it.each([
    ['job logs --follow job_1', 'to its end'],
    ['job logs --follow job_1 --json', 'to its end'],
    ['job logs --follow job_1', 'with names and ids of its own'],
  ] as const)('`%s` %s', async (words, how) => {
    const job = { id: 'job_1', kind: 'session.prompt', status: 'completed', error: 'no', summary: 'Done.' };
    await using server = await RecordingServer.startNewest(({ path }) =>
      path.endsWith('/events')
        ? { body: STREAMS[how], headers: { 'content-type': 'text/event-stream' } }
        : { body: { ok: true, job: poison(job, [...WORDS, 'id']) } },
    );
    const output = await inTerminal(server, words);
    expect(server.asked.map(({ path }) => path)).toContain('/api/cli/runner/jobs/job_1/events');
    expect(output).toContain('output');
    expect(steering(output)).toBeUndefined();
  });

  it('when it refuses, and when the stream breaks', async () => {
    const refusal = { error: `No.${EVIL}`, code: 'not_found', requestId: `r${EVIL}`, hint: `Do not.${EVIL}` };
    let turn = 0;
    await using server = await RecordingServer.startNewest(({ path }) => {
      if (!path.endsWith('/events')) return { status: 404, body: refusal };
      turn += 1;
      if (turn === 1) return { status: 503, body: { ...refusal, code: 'unavailable' } };
      return { status: 404, body: refusal };
    });
    const output = await inTerminal(server, 'job logs --follow job_1');
    expect(output).toContain('No.\\u001b');
    expect(steering(output)).toBeUndefined();
  });

  async function inTerminal(server: RecordingServer, words: string): Promise<string> {
    using desk = new Desk();
    await arrange(desk, 'linked', server.url);
    delete desk.env.NO_COLOR;
    const terminal = openTerminal([process.execPath, MAIN, ...words.split(' ')], {
      cwd: desk.repo,
      env: desk.env,
    });
    await terminal.ended;
    return terminal.output;
  }
});
