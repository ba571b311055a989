/** Real runners and their channels: what they tell of them, who leaves, and what survives a restart of the service. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');

let hosted: Hosted;
let workspace: Workspace;
let runners: Runner[] = [];

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  await linkSession(workspace, 'codex-session-1');
});

afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.leave()));
  runners = [];
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

interface Runner {
  stdout: string;
  stderr: string;
  ended: Promise<number | null>;
  leave(): Promise<unknown>;
}

function startRunner(words: readonly string[], env: NodeJS.ProcessEnv = {}): Runner {
  const all = [projectPath('dist/orp.js'), 'runner', 'work', '--codex-bin', AGENT, ...words];
  const child = spawn(process.execPath, all, {
    cwd: workspace.orp.cwd,
    env: { ...workspace.orp.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const runner: Runner = {
    stdout: '',
    stderr: '',
    ended,
    leave() {
      if (child.exitCode === null) child.kill('SIGTERM');
      return ended;
    },
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (bytes) => {
      runner[stream] += String(bytes);
    });
  }
  runners.push(runner);
  return runner;
}

/** What a runner told of its transports with `--json`. */
function transportsOf(runner: Runner): string[] {
  return runner.stdout
    .split('\n')
    .filter((line) => line.includes('"event":"transport"'))
    .map((line) => JSON.parse(line) as { transport: string; up: boolean })
    .map(({ transport, up }) => `${transport} ${up ? 'up' : 'down'}`);
}

async function submit(say: string): Promise<string> {
  const { job } = await orpInside<{ job: { id: string } }>(workspace.orp, [
    'job',
    'submit',
    JSON.stringify({ say }),
  ]);
  return job.id;
}

describe('a runner', () => {
  it('leaves when another computer with its machine id listens, which then gets the work', async () => {
    const older = startRunner(['--json']);
    await until(() => transportsOf(older).includes('ws up'));
    const newer = startRunner(['--json'], { XDG_STATE_HOME: join(workspace.folder, 'other-state') });
    expect(await older.ended).toBe(2);
    expect(JSON.parse(older.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({ code: 'replaced' });
    const jobId = await submit('from the newer one');
    await until(() => newer.stdout.includes(jobId));
    expect(transportsOf(newer)).toEqual(['ws up']);
  });

  it('listens again after a restart of the service, and works what is queued then', async () => {
    const runner = startRunner(['--json']);
    await until(() => transportsOf(runner).includes('ws up'));
    await hosted.stop();
    await until(() => transportsOf(runner).includes('ws down'));
    await hosted.restart();
    await until(() => transportsOf(runner).at(-1)?.endsWith('up'));
    const jobId = await submit('after the restart');
    await until(() => runner.stdout.includes(jobId));
  });

  it('that listens is shown as listening, and no longer once it has left', async () => {
    const status = () =>
      orpInside<{ presence: { listening: boolean; transport?: string } }>(workspace.orp, [
        'runner',
        'status',
        '--hosted',
      ]);
    const runner = startRunner(['--json', '--transport', 'sse']);
    await until(async () => (await status()).presence.listening);
    expect((await status()).presence).toMatchObject({ known: true, listening: true, transport: 'sse' });
    await runner.leave();
    await until(async () => !(await status()).presence.listening);
  });

  it('reports its transport with --verbose only', async () => {
    const verbose = startRunner(['--verbose', '--transport', 'sse']);
    await until(() => verbose.stderr.includes('listening over sse'));
    await verbose.leave();
    const quiet = startRunner(['--transport', 'sse']);
    await until(() => quiet.stdout.includes('idle'));
    const jobId = await submit('woken over sse');
    await until(() => quiet.stdout.includes(jobId));
    expect(quiet.stderr).not.toContain('listening over');
  });
});
