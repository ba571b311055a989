/** `orp job watch` on a terminal of its own, in a pipe and with `--json`. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { openTerminal } from '../output/terminal.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';
import { MAIN } from '../runner/orp-process.ts';

const at = '2026-04-01T10:00:00.000Z';

const aJob = (id: string, status: string, more: object = {}) => ({
  ...{ id, kind: 'session.prompt', status, priority: 0, attempt: 1, maxAttempts: 1, promptStart: `Do ${id}` },
  ...{
    onLeaseLoss: 'hold',
    sessionFallback: 'primary',
    target: {},
    createdAt: at,
    updatedAt: at,
    expiresAt: at,
  },
  ...more,
});

/** A server whose answers a test changes. */
class Jobs {
  live = [
    aJob('job_b', 'queued', {
      waiting: { code: 'machine_offline', message: 'The machine is off.', since: at },
    }),
  ];
  ended = aJob('job_b', 'completed', { summary: 'It is done.', prompt: '', attempts: [], events: [] });
  isDown = false;

  start() {
    return RecordingServer.startNewest(({ path }): Answer => {
      if (this.isDown) return { status: 503, body: { error: 'Busy.', code: 'overloaded', requestId: 'r' } };
      if (path.endsWith('/job_b')) return { body: { ok: true, job: this.ended } };
      return { body: { ok: true, jobs: this.live, hasMore: false } };
    });
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}`);
}

it('draws the jobs in place, asks again at a key, and gives the screen back', async () => {
  const jobs = new Jobs();
  await using server = await jobs.start();
  using desk = new Desk();
  desk.signIn(server.url);
  const command = `stty rows 12 cols 60; '${process.execPath}' '${MAIN}' job watch; echo "ended with $?"`;
  const terminal = openTerminal(['sh', '-c', command], { cwd: desk.repo, env: desk.env });
  await until(() => terminal.output.includes('Do job_b · The machine is off.'), 'the job is shown');
  expect(terminal.output).toContain('\u001b[?1049h');
  expect(terminal.output).toContain('0 running · 1 waiting');

  jobs.live = [aJob('job_c', 'running')];
  terminal.type(' ');
  await until(() => terminal.output.includes('Do job_b · It is done.'), 'the answer is shown');
  expect(terminal.output).toContain('1 running · 0 waiting');

  jobs.isDown = true;
  terminal.type(' ');
  await until(() => terminal.output.includes('Trying again.'), 'the outage is shown');
  jobs.isDown = false;

  terminal.type('q');
  await terminal.ended;
  expect(terminal.output.split('\u001b[?1049l').at(-1)?.trim()).toBe('ended with 0');
});

it('shows controls in a prompt as text', async () => {
  const jobs = new Jobs();
  jobs.live = [aJob('job_c', 'running', { promptStart: 'Count \u001b]0;owned\u0007 \u001b[2J' })];
  await using server = await jobs.start();
  using desk = new Desk();
  desk.signIn(server.url);
  const command = `stty rows 12 cols 90; exec '${process.execPath}' '${MAIN}' job watch`;
  const terminal = openTerminal(['sh', '-c', command], { cwd: desk.repo, env: desk.env });
  await until(() => terminal.output.includes('owned'), 'the job is shown');
  terminal.type('q');
  await terminal.ended;
  expect(terminal.output).toContain('Count \\u001b]0;owned\\u0007');
  expect(terminal.output).not.toContain('\u001b]0;');
  expect(terminal.output).not.toContain('\u001b[2J');
});

it('gives the screen back after a refusal', async () => {
  await using server = await RecordingServer.startNewest(() => ({
    status: 401,
    body: { error: 'Your token has expired.', code: 'unauthenticated', requestId: 'r' },
  }));
  using desk = new Desk();
  desk.signIn(server.url);
  const command = `stty rows 12 cols 60; '${process.execPath}' '${MAIN}' job watch; echo "ended with $?"`;
  const terminal = openTerminal(['sh', '-c', command], { cwd: desk.repo, env: desk.env });
  await terminal.ended;
  expect(terminal.output).toContain('ended with 2');
  expect(terminal.output.lastIndexOf('\u001b[?1049l')).toBeGreaterThan(
    terminal.output.lastIndexOf('\u001b[?1049h'),
  );
});

it.each([
  {
    form: 'a line',
    words: [],
    first: /^\S+ job_b queued The machine is off\.\n$/,
    second: /^\S+ job_b completed\n$/m,
  },
  {
    form: 'a document',
    words: ['--json'],
    first: /^\{"at":"[^"]+","job":\{"id":"job_b".*\}\n$/,
    second: /"status":"completed"/,
  },
])(
  'in a pipe, prints $form per change, and nothing while nothing changes',
  async ({ words, first, second }) => {
    const jobs = new Jobs();
    await using server = await jobs.start();
    using desk = new Desk();
    desk.signIn(server.url);
    const child = spawn(process.execPath, [MAIN, 'job', 'watch', ...words], {
      cwd: desk.repo,
      env: desk.env,
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    await until(() => printed.includes('\n'), 'the first line');
    const asked = server.asked.length;
    await until(() => server.asked.length > asked, 'another look');
    expect(printed).toMatch(first);
    jobs.live = [];
    await until(() => second.test(printed), 'the second line');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  },
);
