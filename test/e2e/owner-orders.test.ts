/** What the owner orders from another terminal reaches a runner that only listens: drain, resume, sign out, sign in. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');

let hosted: Hosted;
let workspace: Workspace;
let runner: { child: ChildProcess; stdout: string; stderr: string } | undefined;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
});

afterEach(async () => {
  if (runner === undefined || runner.child.exitCode !== null) return;
  const ended = once(runner.child, 'close');
  runner.child.kill('SIGTERM');
  await ended;
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

/** Settles when its transport stands. */
async function startRunner(transport: string) {
  const words = ['runner', 'work', '--transport', transport, '--codex-bin', AGENT, '--json', '--verbose'];
  const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words, '--poll-interval', '1'], {
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
  await until(() => started.stdout.includes(`"transport":"${transport}","up":true`));
  return started;
}

async function signIn({ email, password }: TestUser): Promise<void> {
  const login = ['auth', 'login', '--base-url', hosted.url, '--email', email, '--password-stdin'];
  await orpInside(workspace.orp, login, `${password}\n`);
}

interface Shown {
  job: { id: string; status: string; waiting?: { code: string; message: string } };
}

async function submit(prompt: string): Promise<string> {
  return (await orpInside<Shown>(workspace.orp, ['job', 'submit', prompt])).job.id;
}

async function show(jobId: string): Promise<Shown['job']> {
  return (await orpInside<Shown>(workspace.orp, ['job', 'show', jobId])).job;
}

function isDone(jobId: string): Promise<true> {
  return until(async () => (await show(jobId)).status === 'completed' && (true as const));
}

describe.each(['ws', 'sse'])('over %s', (transport) => {
  it('a drain reaches the runner and keeps jobs waiting with that reason, and a resume lets them run', async () => {
    const { child, ...printed } = await startRunner(transport);
    expect(printed.stderr).not.toContain('claims no new ones');
    expect(await orpInside(workspace.orp, ['runner', 'drain', '--reason', 'new disk'])).toMatchObject({
      machine: { draining: true },
      changed: true,
    });
    await until(() => runner?.stderr.includes('claims no new ones'));
    const jobId = await submit('Count the gauges.');
    expect(await show(jobId)).toMatchObject({ status: 'queued', waiting: { code: 'machine_draining' } });
    await orpInside(workspace.orp, ['runner', 'resume']);
    await isDone(jobId);
    expect(child.exitCode).toBeNull();
  });

  it('a sign-out ends the channel at once, and a new sign-in brings the runner back', async () => {
    const { child } = await startRunner(transport);
    await orpInside(workspace.orp, ['auth', 'logout']);
    await until(() => runner?.stdout.includes(`"transport":"${transport}","up":false`));
    await until(() => /orp auth login/.test(runner?.stderr ?? ''));
    await signIn(workspace.user);
    await isDone(await submit('Count the gauges again.'));
    expect(child.exitCode).toBeNull();
  });

  it('another account signs in without a sign-out: no job of the owner is claimed until the owner signs in again', async () => {
    const { child } = await startRunner(transport);
    await signIn(await hosted.createUser());
    await until(() => /another account/.test(runner?.stderr ?? ''));
    await signIn(workspace.user);
    await isDone(await submit('Count the gauges once more.'));
    expect(child.exitCode).toBeNull();
  });
});
