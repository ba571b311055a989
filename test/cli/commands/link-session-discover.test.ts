import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canLock, lockFile } from '../../support/file-lock.ts';
import { Desk } from '../desk.ts';

const DISCOVER = ['link', 'session', 'discover'];
const REGISTER = ['link', 'session', 'register'];

/** Writes a session file of Codex with one prompt. */
function addSession(desk: Desk, id: string, told: { prompt: string; cwd?: string; branch?: string }): void {
  const { prompt, cwd = desk.repo, branch } = told;
  const lines = [
    { type: 'session_meta', payload: { id, cwd, source: 'cli', git: { branch } } },
    { type: 'event_msg', payload: { type: 'user_message', message: prompt } },
  ];
  const path = join(desk.home, '.codex', 'sessions', '2026', '04', '01', `rollout-${id}.jsonl`);
  desk.write(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

const found = async (desk: Desk, ...words: string[]) =>
  (await desk.json(...DISCOVER, ...words)).sessions as Record<string, unknown>[];

function sitDown(desk: Desk, ...answers: string[]): void {
  desk.isTerminal = true;
  desk.answers = answers;
}

describe('orp link session discover', () => {
  it('prints the sessions of this repository, with what a person needs to recognize one', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Measure the tides.', branch: 'main' });
    addSession(desk, 's-2', { prompt: 'Elsewhere.', cwd: '/srv/other' });
    const [session, ...others] = await found(desk);
    expect(others).toEqual([]);
    expect(session).toEqual({
      agent: 'codex',
      id: 's-1',
      cwd: desk.repo,
      last_active_at_utc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      branch: 'main',
      first_prompt: 'Measure the tides.',
      open: false,
      linked: false,
    });
  });

  it.runIf(canLock)('says which one is open and which one is linked', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Hello.' });
    const lock = join(desk.home, '.codex', 'thread-writer-locks', 's-1.lock');
    desk.write(lock, '');
    const unlock = await lockFile(lock);
    await desk.json(...REGISTER, '--orp-session-id', 'a', '--label', 'A', '--codex-session-id', 's-1');
    expect(await found(desk)).toMatchObject([{ id: 's-1', branch: null, open: true, linked: true }]);
    await unlock();
  });

  it('lists the sessions of all folders with --all, also outside of a repository', async () => {
    using desk = new Desk();
    addSession(desk, 's-2', { prompt: 'Elsewhere.', cwd: '/srv/other' });
    expect(await found(desk, '--all')).toMatchObject([{ id: 's-2', cwd: '/srv/other' }]);
    expect(await found(desk, '--all', '--repo-root', desk.home)).toMatchObject([{ id: 's-2' }]);
  });

  it('reads the home that CODEX_HOME names', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Hello.' });
    desk.env.CODEX_HOME = join(desk.home, 'another');
    expect(await found(desk)).toEqual([]);
  });

  it('prints lines into a pipe, and never lets a prompt steer a terminal', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: '\u001b[2J<script>\nsession.open=true\u202e' });
    const { stdout } = await desk.orp(DISCOVER);
    expect(stdout).toContain('sessions.total=1\n---\nsession.agent=codex\nsession.id=s-1\n');
    expect(stdout).toContain('session.first_prompt=\\u001b[2J<script>\\nsession.open=true\\u202e\n');
    desk.isTerminal = true;
    const page = (await desk.orp(DISCOVER)).stdout;
    for (const control of ['\u001b', '\u202e']) expect(page).not.toContain(control);
    expect(page.split('\n')).toHaveLength(3);
  });

  it('shows a person without sessions how to start one', async () => {
    using desk = new Desk();
    sitDown(desk);
    const { stdout } = await desk.orp(DISCOVER);
    expect(stdout).toBe(
      '○ No sessions of an agent for this folder.\n→ `codex` starts a session in this folder.\n',
    );
  });

  it('on a terminal, links the session that the person picks', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Measure the tides.' });
    sitDown(desk, '7', '1', '');
    const { code, stdout, stderr } = await desk.orp(DISCOVER);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('"7" is not a number') });
    expect(stderr).toContain('Measure the tides.');
    expect(stdout).toContain('Registered session main');
    expect(await found(desk)).toMatchObject([{ id: 's-1', linked: true }]);
  });

  it('asks nothing with --all or outside of a repository, and names the folders', async () => {
    using desk = new Desk();
    addSession(desk, 's-2', { prompt: 'Elsewhere.', cwd: '/srv/other' });
    addSession(desk, 's-3', { prompt: 'At home.', cwd: desk.home });
    sitDown(desk, '1', '');
    const all = await desk.orp([...DISCOVER, '--all']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(all.stdout).toMatch(/FOLDER/);
    expect(all.stdout).toMatch(/ other .*Elsewhere\./);
    const outside = await desk.orp([...DISCOVER, '--repo-root', desk.home]);
    expect(outside).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('At home.') });
  });

  it('cuts a branch that would push the prompt out of sight', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Measure the tides.', branch: 'b'.repeat(500) });
    desk.isTerminal = true;
    const { stdout } = await desk.orp(DISCOVER);
    expect(stdout).toContain(`${'b'.repeat(23)}…`);
    expect(stdout).toContain('Measure the tides.');
  });

  it('changes nothing when the person picks none', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Measure the tides.' });
    sitDown(desk, '');
    expect(await desk.orp(DISCOVER)).toMatchObject({ code: 0 });
    expect(existsSync(join(desk.link, 'sessions'))).toBe(false);
  });
});

describe('orp link session register without an id', () => {
  it('lets a person pick a session and name it; a name that exists is refused', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Measure the tides, then write it down.' });
    await desk.json(...REGISTER, '--orp-session-id', 'main', '--label', 'Main');
    sitDown(desk, '1', 'main', '');
    const { stdout, stderr } = await desk.orp(REGISTER);
    expect(stderr).toContain('[measure-the-tides-then-write-it-down]');
    expect(stderr).toContain('"main" exists already');
    expect(stdout).toContain('Registered session measure-the-tides-then-write-it-down');
    const sessions = (await desk.json('link', 'session', 'list')).sessions;
    expect(sessions).toMatchObject([{ orp_session_id: 'main' }, { codex_session_id: 's-1' }]);
  });

  it('keeps its error in a pipe, with --json, and with a part of the names', async () => {
    using desk = new Desk();
    addSession(desk, 's-1', { prompt: 'Hello.' });
    const message = (flag: string) => `Required option '${flag}' not specified.`;
    const inPipe = await desk.orp(REGISTER);
    expect(inPipe).toMatchObject({ code: 2, error: { message: message('--orp-session-id <id>') } });
    sitDown(desk);
    expect((await desk.orp([...REGISTER, '--json'])).error?.message).toBe(message('--orp-session-id <id>'));
    const half = await desk.orp([...REGISTER, '--orp-session-id', 'a']);
    expect(half).toMatchObject({ code: 2, error: { message: message('--label <label>') } });
  });

  it('says what to do when no agent has a session', async () => {
    using desk = new Desk();
    sitDown(desk);
    expect(await desk.orp(REGISTER)).toMatchObject({
      code: 2,
      error: { message: 'No agent has a session for this folder.' },
    });
  });
});
