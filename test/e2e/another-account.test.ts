/** Two people use one Mac, one after the other: what the runner owes the first is sent only when that one is back. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { CAPABILITIES_HEADER } from '../../spec/capabilities.ts';
import { type Asked, RecordingServer } from '../cli/recording-server.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');

let hosted: Hosted;
/** Before the hosted side, so that it is known what was asked under which sign-in. */
let wire: RecordingServer;
let workspace: Workspace;
let runner: ChildProcess | undefined;
let said = '';

beforeAll(async () => {
  hosted = await startHosted();
  wire = await RecordingServer.start(forward);
  workspace = await makeWorkspace({ ...hosted, url: wire.url });
  await linkSession(workspace, 'codex-session-1');
});

afterEach(() => endRunner('SIGTERM'));

afterAll(async () => {
  workspace.remove();
  await wire[Symbol.asyncDispose]();
  await hosted.close();
});

async function forward({ method, path, query, headers, body }: Asked) {
  const { authorization = '' } = headers;
  const response = await fetch(`${hosted.url}${path}${query === '' ? '' : `?${query}`}`, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const announced = response.headers.get(CAPABILITIES_HEADER) ?? '';
  return {
    status: response.status,
    body: await response.text(),
    headers: { [CAPABILITIES_HEADER]: announced },
  };
}

function startRunner(): void {
  const pace = ['--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
  const words = ['runner', 'work', ...pace, '--codex-bin', AGENT];
  said = '';
  runner = spawn(process.execPath, [projectPath('dist/orp.js'), ...words], {
    ...workspace.orp,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  runner.stderr?.on('data', (bytes) => {
    said += String(bytes);
  });
}

async function endRunner(signal: NodeJS.Signals): Promise<void> {
  if (runner === undefined || runner.exitCode !== null || runner.signalCode !== null) return;
  const ended = once(runner, 'close');
  runner.kill(signal);
  await ended;
}

/** Nobody signs out before: people forget. */
async function signIn({ email, password }: TestUser): Promise<void> {
  const login = ['auth', 'login', '--base-url', wire.url, '--email', email, '--password-stdin'];
  await orpInside(workspace.orp, login, `${password}\n`);
}

function storedToken(): string {
  const path = join(workspace.folder, 'config/orp/remote-session.json');
  return JSON.parse(readFileSync(path, 'utf8')).token;
}

/** The only spool there is. */
function spool(name: string): string {
  const machines = join(workspace.folder, 'state/orp/spool');
  const [path = ''] = readdirSync(machines, { recursive: true, encoding: 'utf8' }).filter((one) =>
    one.endsWith(name),
  );
  return path === '' ? '' : join(machines, path);
}

interface Shown {
  job: { status: string; result?: { content?: string } };
}

it('a result of one waits while another is signed in, over a restart, and arrives once it is back', async () => {
  const ready = join(workspace.folder, 'ready');
  const go = join(workspace.folder, 'go');
  const prompt = JSON.stringify({ ready, waitFor: go, raw: ['A line of the first.'], say: 'Mine.' });
  const submitted = await orpInside<{ job: { id: string } }>(workspace.orp, ['job', 'submit', prompt]);
  const jobId = submitted.job.id;
  const firstToken = storedToken();
  const ask = async (token: string) => {
    const response = await fetch(`${hosted.url}/api/cli/runner/jobs/${jobId}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, ...((await response.json()) as Partial<Shown>) };
  };
  startRunner();
  await until(() => existsSync(ready));

  const other = await hosted.createUser();
  await signIn(other);
  const otherToken = storedToken();
  writeFileSync(go, '');
  await until(() => spool('result.json') !== '');
  await endRunner('SIGKILL');

  startRunner();
  await until(() => said.includes(`waits for ${workspace.user.email}`));
  const lookedAt = wire.asked.length;
  await until(() => wire.asked.length >= lookedAt + 1);
  expect((await ask(firstToken)).job).toMatchObject({ status: 'running' });
  expect((await ask(otherToken)).status).toBe(404);
  const underOther = wire.asked.filter(({ headers }) => headers.authorization === `Bearer ${otherToken}`);
  expect(underOther.length).toBeGreaterThan(0);
  expect(underOther.filter((asked) => JSON.stringify(asked).includes(jobId))).toEqual([]);
  expect(underOther.filter((asked) => JSON.stringify(asked).includes('Mine.'))).toEqual([]);

  await signIn(workspace.user);
  await until(async () => (await ask(firstToken)).job?.status === 'completed');
  const completions = wire.asked.filter(({ path }) => path.endsWith(`/${jobId}/complete`));
  expect(completions.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${storedToken()}`]);
  const logs = await orpInside<object>(workspace.orp, ['job', 'logs', jobId]);
  expect(JSON.stringify(logs).split('A line of the first.')).toHaveLength(2);
  await until(() => spool('result.json') === '');
});
