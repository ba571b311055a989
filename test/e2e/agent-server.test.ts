/**
 * Sessions in an agent server, with a real Codex and a loopback model: shared with a person, held by somebody else, and while the
 * server or the runner is killed in the middle of a turn.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo } from '../../cli/agents/app-server/connection.ts';
import { isOlder } from '../../cli/base/version.ts';
import { serverFolder, sharedSocket, writerLock } from '../../cli/runner/agent-server/places.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { findCodexes, makeCodexHome } from '../support/codex.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

interface ShownJob {
  id: string;
  status: string;
  content?: string;
  error?: string;
  failureKind?: string;
  attempt: number;
  waiting?: { message: string };
}

/** The newest, or `CODEX_BIN`. */
const codexes = findCodexes()
  .filter(({ version }) => !isOlder(version, '0.154.0'))
  .slice(-1);
const oldest = findCodexes().find(({ version }) => isOlder(version, '0.100.0'));
if (codexes.length === 0) it.skip('No Codex with an agent server was found.');

describe.each(codexes)('with $name', ({ bin }) => {
  let hosted: Hosted;
  let model: ModelServer;
  let workspace: Workspace;
  let sessionId: string;
  let oldSessionId = '';
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    model = await startModelServer();
    hosted = await startHosted();
    workspace = await makeWorkspace(hosted);
    // Codex runs commands in a login shell: the start-up files of the person who tests take no part.
    workspace.orp.env.HOME = workspace.folder;
    workspace.orp.env.CODEX_HOME = makeCodexHome(join(workspace.folder, 'agent'), model.baseUrl);
    workspace.orp.env.CODEX_BIN = bin;
    if (oldest !== undefined)
      oldSessionId = await createAgentSession(
        { bin: oldest.bin, title: 'Codex' },
        'The code word is kiwi-9. Keep it.',
        workspace.orp,
      );
    sessionId = await createAgentSession(
      { bin, title: 'Codex' },
      'Hello, this is the survey.',
      workspace.orp,
    );
    await linkSession(workspace, sessionId);
  });

  afterAll(async () => {
    for (const child of started) child.kill('SIGKILL');
    await runOrp(workspace.orp, ['runner', 'uninstall', '--json']);
    workspace.remove();
    await hosted.close();
    await model.close();
  });

  const orp = <Document>(...args: string[]): Promise<Document> => orpInside<Document>(workspace.orp, args);
  const work = <Document>(...words: string[]): Promise<Document> =>
    orpJson<Document>(workspace.orp, ['runner', 'work', ...words]);
  const submit = async (prompt: string, ...words: string[]): Promise<string> =>
    (await orp<{ job: { id: string } }>('job', 'submit', prompt, ...words)).job.id;
  const show = async (jobId: string): Promise<ShownJob> =>
    (await orp<{ job: ShownJob }>('job', 'show', jobId)).job;
  const ended = (jobId: string) =>
    until(
      () => show(jobId),
      ({ status }) => ['completed', 'failed', 'cancelled'].includes(status),
    );

  function startRunner(...words: string[]): ChildProcess {
    const args = [projectPath('dist/orp.js'), 'runner', 'work', ...words];
    const child = spawn(process.execPath, args, { ...workspace.orp, stdio: 'ignore' });
    started.push(child);
    return child;
  }

  const discovered = async () =>
    (await orp<{ sessions: { id: string }[] }>('link', 'session', 'discover')).sessions;

  const serverRecord = () => join(serverFolder(workspace.orp.env), 'server.json');

  /** Settles when the turn of this job is under way. */
  const entered = (prompt: string) =>
    until(
      async () => model.requests.some(({ input }) => JSON.stringify(input.at(-1)).includes(prompt)),
      (isThere) => isThere,
    );

  it('discover reads the sessions of Codex from their files while no server runs', async () => {
    expect(existsSync(serverRecord())).toBe(false);
    const session = (await discovered()).find(({ id }) => id === sessionId);
    expect(session).toEqual({
      agent: 'codex',
      id: sessionId,
      cwd: workspace.repository,
      last_active_at_utc: expect.stringMatching(/^20\d\d-/),
      branch: 'main',
      first_prompt: 'Hello, this is the survey.',
      open: false,
      linked: true,
    });
    if (oldest !== undefined) expect((await discovered()).map(({ id }) => id)).toContain(oldSessionId);
    expect(existsSync(serverRecord())).toBe(false);
  });

  it.each([
    ['the next one', 3, []],
    ['the next one, which starts a process for each prompt,', 4, ['--agent-mode', 'exec']],
  ] as const)(
    'a runner that is killed leaves the turn running, and %s reports its answer',
    async (_, seconds, words) => {
      const jobId = await submit(`run: sleep ${seconds}; echo over`);
      const first = startRunner();
      await entered(`sleep ${seconds}`);
      first.kill('SIGKILL');
      const second = startRunner(...words);
      const job = await ended(jobId);
      second.kill('SIGTERM');

      expect(job).toMatchObject({ status: 'completed', attempt: 1 });
      expect(job.content).toContain(`I read: run: sleep ${seconds}`);
      const runs = model.requests.filter(({ input }) =>
        input.some((item) => JSON.stringify(item).includes(`sleep ${seconds}; echo`)),
      );
      // The prompt, and the output of its command.
      expect(runs).toHaveLength(2);
      await exited(second);
    },
  );

  it('the agent server ends with the runner, and lets go of the session', async () => {
    const jobId = await submit('The code word is plum-3. Keep it.');
    await work('--once');
    expect((await show(jobId)).content).toContain('I will remember plum-3.');
    expect(existsSync(serverRecord())).toBe(false);
    const words = ['exec', '--skip-git-repo-check', '--json', 'resume', sessionId, '-'];
    const person = spawn(bin, words, { ...workspace.orp, stdio: ['pipe', 'pipe', 'ignore'] });
    let said = '';
    person.stdout.on('data', (text) => {
      said += text;
    });
    person.stdin.end('What is the code word?');
    await exited(person);
    expect(said).toContain('The code word is plum-3.');
  });

  it('a person can open the session soon after a job, while the server of the runner goes on', async () => {
    const runner = startRunner();
    await ended(await submit('The code word is plum-4. Keep it.'));
    const over = Date.now();
    await until(
      async () => existsSync(writerLock(workspace.orp.env, sessionId)),
      (isHeld) => !isHeld,
    );
    // Without the setting of the runner, Codex holds the session for 60 s.
    expect(Date.now() - over).toBeLessThan(30_000);
    expect(existsSync(serverRecord())).toBe(true);
    runner.kill('SIGTERM');
    await exited(runner);
  });

  it.skipIf(oldest === undefined)('a session that an old Codex made is driven, too', async () => {
    await orp(
      'link',
      'session',
      'register',
      '--orp-session-id',
      'old',
      '--label',
      'Old',
      '--codex-session-id',
      oldSessionId,
    );
    await orp('runner', 'sync');
    const first = await submit('run: sleep 2', '--orp-session-id', 'old');
    const runner = startRunner();
    await entered('sleep 2');
    runner.kill('SIGKILL');
    await work('--once');
    expect(await ended(first)).toMatchObject({ status: 'completed', attempt: 1 });
    const second = await submit('What is the code word?', '--orp-session-id', 'old');
    await work('--once');
    expect(await show(second)).toMatchObject({ status: 'completed', content: 'The code word is kiwi-9.' });
  });

  it('a turn whose agent server is killed is reported as the transcript shows it', async () => {
    const jobId = await submit('run: sleep 250');
    const runner = startRunner();
    await entered('sleep 250');
    const { pid } = JSON.parse(readFileSync(serverRecord(), 'utf8')) as { pid: number };
    process.kill(-pid, 'SIGKILL');
    const job = await ended(jobId);
    runner.kill('SIGTERM');

    expect(job.status).toBe('failed');
    expect(job.error).toContain('The transcript of the session shows the turn as interrupted.');
    await exited(runner);
  });

  it('a cancel interrupts the turn within a second, and ends its command', async () => {
    const jobId = await submit('run: sleep 251');
    const runner = startRunner();
    await entered('sleep 251');
    await until(
      () => Promise.resolve(sleeping('251')),
      (isThere) => isThere,
    );
    const { agent } = await orp<{ agent: { own_server_pid: number } }>('runner', 'status');
    expect(agent).toMatchObject({ way: 'own_server', why: 'no shared server runs', known_from: 'last_job' });
    expect(agent.own_server_pid).toBeGreaterThan(1);
    await orp('job', 'cancel', jobId);
    const job = await ended(jobId);
    const { events } = (
      await orp<{ job: { events: { action: string; detail?: string }[] } }>('job', 'show', jobId)
    ).job;
    runner.kill('SIGTERM');

    expect(job.status).toBe('cancelled');
    expect(JSON.stringify(events)).toContain('cancel');
    await until(
      () => Promise.resolve(sleeping('251')),
      (isThere) => !isThere,
    );
    await exited(runner);
  });

  it.each([
    ['let go', 'SIGINT'],
    ['left by a program that was killed', 'SIGKILL'],
  ] as const)(
    'a job for a session that somebody holds waits, says so, and runs when it is %s',
    async (_, signal) => {
      const words = ['exec', '--skip-git-repo-check', '--json', 'resume', sessionId, '-'];
      const person = spawn(bin, words, { ...workspace.orp, stdio: ['pipe', 'ignore', 'ignore'] });
      started.push(person);
      const length = { SIGINT: 252, SIGKILL: 254 }[signal];
      person.stdin.end(`run: sleep ${length}`);
      await entered(`sleep ${length}`);
      const jobId = await submit('The code word is lime-6. Keep it.');
      const runner = startRunner();
      const waiting = await until(
        () => show(jobId),
        ({ status, waiting }) => status === 'queued' && waiting?.message.includes('owner') === true,
      );
      expect(waiting.waiting?.message).toMatch(/^The session is busy: its owner is working in it on /);
      // The script of the package passes a signal on to the program, except this one.
      if (signal === 'SIGKILL') spawnSync('pkill', ['-KILL', '-P', String(person.pid)]);
      person.kill(signal);
      await exited(person);
      const freed = Date.now();
      expect(await ended(jobId)).toMatchObject({ status: 'completed', content: 'I will remember lime-6.' });
      // The pause of the server is 15 s.
      expect(Date.now() - freed).toBeLessThan(10_000);
      runner.kill('SIGTERM');
      await exited(runner);
    },
  );

  /** A prompt that meets a usage limit, which ends in some seconds. */
  const limited = (seconds: number, name: string) => {
    const resetsAt = Math.ceil(Date.now() / 1000) + seconds;
    const body = `{"error":{"type":"usage_limit_reached","resets_at":${resetsAt}}}`;
    return `status: 429 ${body}\nresets: ${resetsAt}\n${name}`;
  };
  const requestsOf = (name: string) =>
    model.requests.filter(({ input }) => JSON.stringify(input.at(-1)).includes(name)).length;

  it('a job that meets a usage limit waits for its end, and is continued once', async () => {
    const jobId = await submit(limited(10, 'limit-one'));
    const runner = startRunner();
    const waiting = await until(
      () => show(jobId),
      ({ status, waiting }) => status === 'queued' && waiting?.message.includes('usage limit') === true,
    );
    expect(waiting.waiting?.message).toContain('It is retried at ');
    expect(await ended(jobId)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(requestsOf('limit-one')).toBe(2);
    runner.kill('SIGTERM');
    await exited(runner);
  });

  it('a job that is cancelled while it waits for the end of a usage limit is not continued', async () => {
    const jobId = await submit(limited(10, 'limit-two'));
    const runner = startRunner();
    await until(
      () => show(jobId),
      ({ status, waiting }) => status === 'queued' && waiting?.message.includes('usage limit') === true,
    );
    await orp('job', 'cancel', jobId);
    const next = await submit('The code word is pear-2. Keep it.');
    expect(await ended(next)).toMatchObject({ status: 'completed' });
    expect(await show(jobId)).toMatchObject({ status: 'cancelled' });
    expect(requestsOf('limit-two')).toBe(1);
    runner.kill('SIGTERM');
    await exited(runner);
  });

  it('a job that does not want to wait fails at a usage limit, and names its end', async () => {
    const jobId = await submit(limited(60, 'limit-three'), '--on-usage-limit', 'fail');
    await runOrp(workspace.orp, ['runner', 'work', '--once']);
    const job = await show(jobId);
    expect(job).toMatchObject({ status: 'failed', failureKind: 'usage_limited' });
    expect(job.error).toMatch(/The usage limit resets at .*UTC/);
  });

  it('a shared server is used, the person sees the turn, and the server goes on', async () => {
    const path = sharedSocket(workspace.orp.env);
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    const server = spawn(bin, ['app-server', '--listen', `unix://${path}`], {
      ...workspace.orp,
      stdio: 'ignore',
    });
    started.push(server);
    const person = await until(
      () => connectTo(path),
      (connection) => connection !== undefined,
    );
    const heard: string[] = [];
    person?.onNotification(({ method, params }) => heard.push(`${method} ${JSON.stringify(params)}`));
    await person?.call('thread/resume', { threadId: sessionId, excludeTurns: true });

    const jobId = await submit('The code word is fig-4. Keep it.');
    await work('--once');
    expect(await show(jobId)).toMatchObject({ status: 'completed', content: 'I will remember fig-4.' });
    const open = { id: sessionId, agent: 'codex', cwd: workspace.repository, open: true, linked: true };
    expect(await discovered()).toContainEqual(expect.objectContaining(open));
    expect(heard.some((line) => line.startsWith('turn/completed'))).toBe(true);
    expect(heard.some((line) => line.includes(`orp:${jobId}:`))).toBe(true);
    expect(existsSync(serverRecord())).toBe(false);
    expect(server.exitCode).toBe(null);
    person?.close();
    server.kill('SIGTERM');
    await exited(server);
  });
});

function sleeping(seconds: string): boolean {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' });
  return stdout.split('\n').some((line) => line.trim() === `sleep ${seconds}`);
}

function exited(child: ChildProcess): Promise<unknown> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((settle) => child.once('exit', settle));
}

/** Asks until the answer is right. */
async function until<T>(ask: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (isRight(value)) return value;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
