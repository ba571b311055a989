/** What a person at the terminal left out: an id is chosen from a list, and a prompt is written in the editor. */

import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

const at = '2026-04-01T10:00:00.000Z';

const aJob = (id: string, status: string) => ({
  ...{ id, kind: 'session.prompt', status, priority: 0, attempt: 1, maxAttempts: 1, promptStart: `Do ${id}` },
  ...{
    onLeaseLoss: 'hold',
    sessionFallback: 'primary',
    target: {},
    createdAt: at,
    updatedAt: at,
    expiresAt: at,
  },
});

const anIdea = (id: string, title: string) => ({
  ...{ id, title, notes: '', visibility: 'private', createdAt: at, updatedAt: at },
});

const ideas: Answer = {
  body: {
    ...{ ok: true, hasMore: false, sort: 'updated_desc', limit: 15 },
    ideas: [anIdea('ide_1', 'Tides'), anIdea('ide_2', 'Winds')],
  },
};

const jobs: Answer = {
  body: { ok: true, jobs: [aJob('job_1', 'running'), aJob('job_2', 'queued')], hasMore: false },
};

function sitDown(desk: Desk, ...answers: string[]): void {
  desk.isTerminal = true;
  desk.answers = answers;
}

describe('a missing id', () => {
  it('of a job is chosen from the jobs that fit the command', async () => {
    await using server = await RecordingServer.startNewest(({ path }) =>
      path.endsWith('/cancel') ? { body: { ok: true, job: aJob('job_2', 'cancelled') } } : jobs,
    );
    using desk = new Desk();
    desk.signIn(server.url);
    sitDown(desk, '7', '2');
    const { code, stdout, stderr } = await desk.orp(['job', 'cancel', '--reason', 'wrong']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '✓ Cancelled job job_2.\n' });
    expect(stderr).toContain('Do job_2');
    expect(stderr).toContain('"7" is not a number of the list.');
    const [list, cancel] = server.asked.filter(({ path }) => path.includes('/jobs'));
    expect(list?.query).toContain('status=live');
    expect(cancel).toMatchObject({
      path: expect.stringContaining('/job_2/cancel'),
      body: { reason: 'wrong' },
    });
  });

  it('of a session is chosen from those that the command can change', async () => {
    using desk = new Desk();
    for (const id of ['main', 'docs', 'old']) {
      await desk.json('link', 'session', 'register', '--orp-session-id', id, '--label', `About ${id}`);
    }
    await desk.json('link', 'session', 'archive', 'old');
    sitDown(desk, '1');
    const { stdout, stderr } = await desk.orp(['link', 'session', 'unarchive']);
    expect(stdout).toContain('Session About old can take jobs again.');
    expect(stderr).not.toContain('About main');
  });

  it('of an idea is chosen, also when it is an option', async () => {
    await using server = await RecordingServer.startNewest(({ path }) =>
      path.endsWith('/world')
        ? { body: { ok: true, world: { id: 'wor_1', name: 'repo' } } }
        : path.endsWith('/ideas')
          ? ideas
          : { body: { ok: true, idea: anIdea('ide_2', 'Winds'), features: [] } },
    );
    using desk = new Desk();
    desk.signIn(server.url);
    sitDown(desk, '2');
    expect((await desk.orp(['idea', 'show'])).stdout).toContain('Winds');
    sitDown(desk, '1');
    expect((await desk.orp(['link', 'project', 'bind'])).stdout).toContain('ide_1');
  });

  it('ends the command without a change when the person chooses nothing', async () => {
    await using server = await RecordingServer.startNewest(() => jobs);
    using desk = new Desk();
    desk.signIn(server.url);
    sitDown(desk, '');
    const { code, error } = await desk.orp(['job', 'retry']);
    expect({ code, reason: error?.code }).toEqual({ code: 2, reason: 'nothing_chosen' });
    expect(server.asked.map(({ method }) => method)).not.toContain('POST');
  });

  it('says so when there is nothing to choose from', async () => {
    await using server = await RecordingServer.startNewest(() => ({
      body: { ok: true, jobs: [], hasMore: false },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    sitDown(desk);
    expect((await desk.orp(['job', 'show'])).error?.message).toBe('You have no jobs.');
    expect((await desk.orp(['job', 'wait'])).error?.message).toBe('You have no job for `orp job wait`.');
    expect((await desk.orp(['link', 'session', 'show'])).error?.message).toContain('no linked sessions');
  });

  it.each([
    ['job', 'cancel'],
    ['job', 'show', '--json'],
    ['link', 'session', 'remove'],
    ['idea', 'remove'],
    ['link', 'project', 'bind'],
  ])('is a usage error for a program: %s %s', async (...words) => {
    await using server = await RecordingServer.startNewest(() => jobs);
    using desk = new Desk();
    desk.signIn(server.url);
    if (words.includes('--json')) sitDown(desk, '1');
    const { code, error } = await desk.orp(words);
    expect({ code, reason: error?.code }).toEqual({ code: 2, reason: 'usage' });
    expect(server.asked).toEqual([]);
  });
});

describe('a missing prompt', () => {
  /** An editor that puts its text above what is in the file. */
  function editor(desk: Desk, text: string, exit = 0): void {
    const path = join(desk.home, 'editor');
    desk.write(
      path,
      `#!/bin/sh\n{ printf '${text}'; cat "$1"; } > "$1.new" && mv "$1.new" "$1"; exit ${exit}\n`,
    );
    chmodSync(path, 0o700);
    desk.env.EDITOR = path;
    desk.env.TMPDIR = desk.home;
  }

  const created: Answer = { status: 201, body: { ok: true, created: true, job: aJob('job_1', 'queued') } };
  const SUBMIT = ['job', 'submit', '--anywhere'];

  it('is written in the editor', async () => {
    await using server = await RecordingServer.startNewest(() => created);
    using desk = new Desk();
    desk.signIn(server.url);
    editor(desk, '# Tides\\n\\nMeasure them.');
    sitDown(desk);
    expect((await desk.orp(SUBMIT)).stdout).toContain('Queued job_1');
    expect(server.asked.at(-1)?.body).toMatchObject({ prompt: '# Tides\n\nMeasure them.' });
  });

  it.each([
    { text: '', exit: 0, message: 'The prompt is empty, so nothing was sent.' },
    { text: 'Measure.', exit: 1, message: 'The editor failed, so nothing was sent' },
  ])('is not sent when the editor leaves "$text" and exits with $exit', async ({ text, exit, message }) => {
    await using server = await RecordingServer.startNewest(() => created);
    using desk = new Desk();
    desk.signIn(server.url);
    editor(desk, text, exit);
    sitDown(desk);
    expect((await desk.orp(SUBMIT)).error?.message).toContain(message);
    expect(server.asked.map(({ method }) => method)).not.toContain('POST');
  });

  it('is not lost when the server refuses it', async () => {
    const refusal = { status: 422, body: { error: 'No.', code: 'invalid_request', requestId: 'req_1' } };
    await using server = await RecordingServer.startNewest(() => refusal);
    using desk = new Desk();
    desk.signIn(server.url);
    editor(desk, 'Measure.');
    sitDown(desk);
    const { code, stderr } = await desk.orp(SUBMIT);
    const [, path = ''] = /--file (\S+)`/.exec(stderr) ?? [];
    expect(code).toBe(2);
    expect(existsSync(path) && desk.read(path)).toBe('Measure.\n');
  });

  it('is a usage error for a program', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    editor(desk, 'Measure.');
    expect((await desk.orp(SUBMIT)).error?.message).toBe('No prompt given.');
  });
});
