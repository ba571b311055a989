/** Two people share a machine: what one of them sent is neither run nor reported under the other's sign-in. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { orpJson } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { enqueueJob } from '../../spec/contract/jobs.ts';
import { until } from '../cli/runner/conditions.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/recipe-agent.mjs');
const PACE = ['--transport', 'ws', '--poll-interval', '1', '--heartbeat-interval', '1'];

let hosted: Hosted;
let workspace: Workspace;
/** Whose machine it is: the account that synced it first. */
let mira: TestUser;
let kai: TestUser;
let miraToken: string;
let runner: { child: ChildProcess; stdout: string; stderr: string } | undefined;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
  mira = workspace.user;
  kai = await hosted.createUser();
  miraToken = await hosted.signIn(mira);
});

afterEach(() => endRunner('SIGTERM'));

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

function startRunner() {
  const words = ['runner', 'work', '--json', '--verbose', '--codex-bin', AGENT, ...PACE];
  const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words], {
    ...workspace.orp,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = { child, stdout: '', stderr: '' };
  child.stdout.on('data', (bytes) => {
    started.stdout += String(bytes);
  });
  child.stderr.on('data', (bytes) => {
    started.stderr += String(bytes);
  });
  runner = started;
  return started;
}

async function endRunner(signal: NodeJS.Signals): Promise<void> {
  const child = runner?.child;
  runner = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill(signal);
  await ended;
}

async function signIn({ email, password }: TestUser): Promise<void> {
  const login = ['auth', 'login', '--base-url', hosted.url, '--email', email, '--password-stdin'];
  await orpJson(workspace.orp, login, `${password}\n`);
}

/** What the owner sees from elsewhere. */
async function ask<Body>(path: string, body?: object): Promise<Body> {
  const response = await fetch(`${hosted.url}${enqueueJob.path}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${miraToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as Body;
}

interface Shown {
  job: { id: string; status: string; content?: string; attempts: unknown[] };
}

async function submit(recipe: object): Promise<string> {
  return (await ask<Shown>('', { prompt: JSON.stringify(recipe) })).job.id;
}

async function show(jobId: string): Promise<Shown['job']> {
  return (await ask<Shown>(`/${jobId}`)).job;
}

function isDone(jobId: string): Promise<Shown['job']> {
  return until(async () => {
    const job = await show(jobId);
    return job.status === 'completed' && job;
  });
}

describe('somebody else signs in', () => {
  it('and a runner that goes on claims nothing of the first account, until that is back', async () => {
    const started = startRunner();
    await until(() => started.stdout.includes('"transport":"ws","up":true'));
    await signIn(kai);
    await until(() => /another account/.test(started.stderr));
    const jobId = await submit({ say: 'Mine.' });
    const said = started.stderr.length;
    await signIn(mira);
    expect((await isDone(jobId)).content).toBe('Mine.');
    expect(started.stderr.slice(said)).toContain('Working again');
    expect(started.child.exitCode).toBeNull();
  });

  it('and a restarted runner keeps the result of the first account for it', async () => {
    const [ready, go] = ['ready', 'go'].map((name) => join(workspace.folder, name)) as [string, string];
    startRunner();
    const jobId = await submit({ ready, waitFor: go, say: 'Still mine.' });
    await until(() => existsSync(ready));
    // While nobody can take it, the result is written down, and then the runner is killed.
    await hosted.stop();
    writeFileSync(go, '');
    await until(() => globSync(join(workspace.folder, 'state/orp/spool/*/*/result.json')).length === 1);
    await endRunner('SIGKILL');
    await hosted.restart();

    await signIn(kai);
    const started = startRunner();
    await until(() => started.stderr.includes(`waits for ${mira.email}`));
    expect(await show(jobId)).toMatchObject({ status: 'running' });
    await signIn(mira);
    expect(await isDone(jobId)).toMatchObject({ content: 'Still mine.' });
    expect((await show(jobId)).attempts).toHaveLength(1);
  });
});
