/** What a person does with jobs: send, look, wait, cancel, retry. Real `orp`, real hosted side, an agent that obeys. */

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOrp } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');

interface Job {
  id: string;
  status: string;
  prompt: string;
  content?: string;
  ideaId?: string;
  target: { projectRoot?: string };
  waiting?: { code: string };
  attempts: { attempt: number; outcome?: string }[];
  cancel?: { confirmedAt?: string; receipt?: { signal: string } };
}

let hosted: Hosted;
let workspace: Workspace;
let ideaId: string;

beforeAll(async () => {
  hosted = await startHosted();
  workspace = await makeWorkspace(hosted);
  ideaId = await linkSession(workspace, 'codex-session-1');
});

afterAll(async () => {
  workspace.remove();
  await hosted.close();
});

const orp = <Document>(...args: string[]) => orpInside<Document>(workspace.orp, args);
const run = (args: string[], stdin?: string) => runOrp(workspace.orp, args, stdin);

async function submit(prompt: object | string, ...options: string[]): Promise<Job> {
  const text = typeof prompt === 'string' ? prompt : JSON.stringify(prompt);
  return (await orp<{ job: Job }>('job', 'submit', text, ...options)).job;
}

async function show(id: string): Promise<Job> {
  return (await orp<{ job: Job }>('job', 'show', id)).job;
}

function work() {
  return run(['runner', 'work', '--once', '--codex-bin', AGENT, '--json']);
}

describe('sending a prompt', () => {
  it('goes to the linked repository that it is sent from, and returns the answer', async () => {
    const job = await submit({ raw: ['working'], say: '# Done\n\nAll good.' });
    expect(job).toMatchObject({
      ideaId,
      target: { projectRoot: workspace.repository },
      waiting: { code: 'next_poll' },
    });
    expect((await work()).code).toBe(0);

    expect(await show(job.id)).toMatchObject({ status: 'completed', content: '# Done\n\nAll good.' });
    const logs = await run(['job', 'logs', job.id]);
    expect(logs.stdout).toBe('[system] Prompt is going to Main.\nworking\n[agent] # Done\n\nAll good.\n');
    const list = await orp<{ jobs: Job[] }>('job', 'list', '--status', 'completed');
    expect(list.jobs.map((one) => one.id)).toContain(job.id);
  });

  it('takes the prompt from stdin or from a file', async () => {
    const piped = JSON.parse((await run(['job', 'submit', '-', '--json'], 'from stdin\n')).stdout).job;
    writeFileSync(join(workspace.folder, 'prompt.md'), 'from a file');
    const filed = (await orp<{ job: Job }>('job', 'submit', '--file', join(workspace.folder, 'prompt.md')))
      .job;

    expect([(await show(piped.id)).prompt, (await show(filed.id)).prompt]).toEqual([
      'from stdin\n',
      'from a file',
    ]);
    for (const job of [piped, filed]) await orp('job', 'cancel', job.id);
  });

  it('with the same key is one job', async () => {
    const first = await submit('once', '--idempotency-key', 'key-1');
    const second = await submit('once', '--idempotency-key', 'key-1');

    expect(second.id).toBe(first.id);
    await orp('job', 'cancel', first.id);
  });

  it('may wait for its time, and shows that', async () => {
    const job = await submit('later', '--not-before', '2h', '--expires-at', '3h');

    expect((await show(job.id)).waiting?.code).toBe('not_yet');
    await orp('job', 'cancel', job.id);
  });

  it.each([
    { what: 'nothing', args: [], says: 'No prompt given' },
    { what: 'a blank prompt', args: ['  '], says: 'blank' },
    { what: 'two prompts', args: ['Hi', '--file', 'x'], says: 'twice' },
    { what: 'a file that is not there', args: ['--file', 'nowhere.md'], says: 'File not found' },
    { what: 'a time that is none', args: ['Hi', '--not-before', 'tomorrow-ish'], says: '--not-before' },
    { what: 'an unknown fallback', args: ['Hi', '--session-fallback', 'any'], says: 'session-fallback' },
    {
      what: 'a machine of nobody',
      args: ['Hi', '--machine-id', 'nobody'],
      says: 'you have no machine nobody',
    },
  ])('is refused with $what', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(['job', 'submit', ...args]);

    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^hint: /m);
  });
});

describe('following a job', () => {
  it('shows its transcript as it grows, and ends with the job', async () => {
    const go = join(workspace.folder, 'go');
    const job = await submit({ raw: ['first'], waitFor: go, say: 'last' });
    const follower = spawn(
      process.execPath,
      [projectPath('dist/orp.js'), 'job', 'logs', job.id, '--follow'],
      {
        ...workspace.orp,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let seen = '';
    follower.stdout.on('data', (text: Buffer) => {
      seen += text;
    });
    const ended = new Promise((done) => follower.on('close', done));
    const working = work();
    await until(() => seen.includes('first\n'));
    expect(seen).not.toContain('last');
    writeFileSync(go, '');

    expect(await ended).toBe(0);
    expect(seen).toBe('[system] Prompt is going to Main.\nfirst\n[agent] last\n');
    await working;
  });
});

describe('waiting for a job', () => {
  it('ends with 0 when it completed, and with 1 when it failed', async () => {
    const good = await submit({ say: 'yes' });
    await work();
    const bad = await submit({ fail: 'The model refused.', exit: 1 });
    await work();

    expect((await run(['job', 'wait', good.id])).code).toBe(0);
    const failed = await run(['job', 'wait', bad.id]);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain('job.error=The model refused.');
  });

  it('gives up after its time with 2, and says what the job waits for', async () => {
    const job = await submit('nobody works on this', '--not-before', '1d');
    const { code, stderr } = await run(['job', 'wait', job.id, '--timeout', '1']);

    expect(code).toBe(2);
    expect(stderr).toContain('has not ended after 1 s');
    await orp('job', 'cancel', job.id);
  });
});

describe('cancel and retry', () => {
  it('run a failed job again, and show its history', async () => {
    const job = await submit({ exit: 1 });
    await work();
    await orp('job', 'retry', job.id, '--reason', 'once more');
    await work();

    expect((await show(job.id)).attempts.map((attempt) => attempt.outcome)).toEqual(['failed', 'failed']);
  });

  it('of the running job reach its agent, and send the receipt to followers', async () => {
    const ready = join(workspace.folder, 'ready');
    const job = await submit({ ready, hang: true });
    const args = ['runner', 'work', '--codex-bin', AGENT];
    const runner = spawn(process.execPath, [projectPath('dist/orp.js'), ...args], {
      ...workspace.orp,
      stdio: 'ignore',
    });
    const ended = new Promise((done) => runner.on('close', done));
    try {
      await until(() => existsSync(ready));
      const followed = run(['job', 'logs', job.id, '--follow', '--timeout', '100']);
      const cancelled = await orp<{ job_id: string; target_source: string }>('runner', 'cancel');
      expect(cancelled).toMatchObject({ job_id: job.id, target_source: 'active_runtime' });
      const seen = await until(async () => {
        const now = await show(job.id);
        return now.cancel?.confirmedAt === undefined ? undefined : now;
      });
      expect(seen).toMatchObject({ status: 'cancelled', cancel: { receipt: { signal: 'SIGINT' } } });
      const { code, stdout } = await followed;
      expect(code).toBe(0);
      expect(stdout).toMatch(/^\[system\] Cancelled: .+ ended by SIGINT after .+ s\.\n$/m);
      // Whoever comes later reads the same, and waits for nothing more.
      expect((await run(['job', 'logs', job.id, '--follow', '--timeout', '100'])).stdout).toBe(stdout);
    } finally {
      runner.kill('SIGTERM');
      await ended;
    }
  });

  it('of a named job never carry the lease of another one', async () => {
    const done = await submit({ say: 'done' });
    await work();
    const other = await submit('wait', '--not-before', '1d');
    const answer = await orp<{ lease_id: string; target_source: string }>('runner', 'cancel', other.id);

    expect(answer).toMatchObject({ lease_id: '', target_source: 'explicit' });
    expect((await show(done.id)).status).toBe('completed');
    expect((await show(other.id)).status).toBe('cancelled');
  });

  it('without an id mean what is recorded here: retry also the last job, cancel never', async () => {
    const job = await submit({ say: 'again' });
    await work();
    const nothing = await run(['runner', 'cancel']);
    expect([nothing.code, nothing.stdout]).toEqual([2, '']);
    expect(nothing.stderr).toContain('This machine has no record of a matching job');

    expect(await orp('runner', 'retry')).toMatchObject({ job_id: job.id, target_source: 'last_job' });
    expect((await show(job.id)).status).toBe('queued');
    await orp('job', 'cancel', job.id);
  });
});
