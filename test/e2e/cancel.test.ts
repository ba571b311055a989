/**
 * A cancel from another terminal ends the agent: over a channel without waiting for a heartbeat, without one by the next
 * heartbeat. How fast: `npm run bench -- cancel`.
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { fileExists, isAlive, until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');
/** The longest pause there is: before it is over, only the channel can bring the cancel. */
const LONGEST_SECONDS = 90;

let hosted: Hosted;
let workspace: Workspace;
let token: string;
let runner: ChildProcess | undefined;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
  token = await hosted.signIn(workspace.user);
});

afterEach(async () => {
  if (runner === undefined || runner.exitCode !== null) return;
  const ended = once(runner, 'close');
  runner.kill('SIGTERM');
  await ended;
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

/** Starts the built runner; settles when its transport stands. */
async function startRunner(transport: string, heartbeatSeconds: number): Promise<void> {
  const words = ['runner', 'work', '--transport', transport, '--codex-bin', AGENT, '--json'];
  const beats = ['--poll-interval', '1', '--heartbeat-interval', String(heartbeatSeconds)];
  const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words, ...beats], {
    ...workspace.orp,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  runner = child;
  let printed = '';
  child.stdout.on('data', (bytes) => {
    printed += String(bytes);
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`The runner ended with ${child.exitCode}:\n${printed}`);
    return printed.includes(`"transport":"${transport}","up":true`);
  });
}

/** What `orp job cancel` sends, without the time that a command needs to start. */
async function cancel(jobId: string): Promise<void> {
  const response = await fetch(`${hosted.url}/api/cli/runner/jobs/${jobId}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(response.status).toBe(200);
}

describe.each([
  { transport: 'ws', heartbeatSeconds: LONGEST_SECONDS },
  { transport: 'sse', heartbeatSeconds: LONGEST_SECONDS },
  { transport: 'poll', heartbeatSeconds: 1 },
])('over $transport', ({ transport, heartbeatSeconds }) => {
  it('a cancel from elsewhere ends the agent', async () => {
    await startRunner(transport, heartbeatSeconds);
    const ready = join(workspace.folder, `ready-${transport}`);
    const prompt = JSON.stringify({ ready, hang: true });
    const submittedAt = performance.now();
    const { job } = await orpInside<{ job: { id: string } }>(workspace.orp, ['job', 'submit', prompt]);
    await fileExists(ready);
    const pid = await until(() => Number(readFileSync(ready, 'utf8')));
    await cancel(job.id);
    await until(async () => !(await isAlive(pid)));
    if (transport !== 'poll') expect(performance.now() - submittedAt).toBeLessThan(heartbeatSeconds * 1000);
    const shown = await orpInside<{ job: { status: string } }>(workspace.orp, ['job', 'show', job.id]);
    expect(shown.job.status).toBe('cancelled');
  });
});
