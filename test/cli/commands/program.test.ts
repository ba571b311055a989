import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';
import { MAIN } from '../runner/orp-process.ts';

/** `orp` as a process of its own: what a shell sees. */
async function shell(desk: Desk, words: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: desk.repo, env: desk.env });
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

describe('the command line', () => {
  it('takes global options before and after the command', async () => {
    using desk = new Desk();
    const before = await desk.json('--repo-root', desk.home, 'link', 'status');
    const after = await desk.json('link', 'status', `--repo-root=${desk.home}`);
    expect(after).toEqual(before);
    expect(before.repo_root).toBe(desk.home);
  });

  it('takes shortened options as long as they are unambiguous', async () => {
    using desk = new Desk();
    const words = ['link', 'session', 'register', '--orp', 'a', '--lab=A', '--cod', 'c-1', '--prim', '--js'];
    const { code, stdout } = await desk.orp(words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ session: { orp_session_id: 'a', codex_session_id: 'c-1' } });
    const { error } = await desk.orp([...words.slice(0, -1), '--c', 'x']);
    expect(error?.message).toBe(
      'The option --c is ambiguous: it could be --codex-session-id, --created-at, --config.',
    );
  });

  it('a value that looks like an option or a command is a value', async () => {
    using desk = new Desk();
    const words = [
      'link',
      'session',
      'register',
      '--orp-session-id',
      'link',
      '--label',
      '--js',
      '--notes',
      '-x',
    ];
    const { session } = await desk.json(...words);
    expect(session).toMatchObject({ orp_session_id: 'link', label: '--js', notes: '-x' });
    expect((await desk.orp(['link', 'session', 'show', '--', 'link'])).code).toBe(0);
  });

  it.each([
    [[], 0],
    [['--help'], 0],
    [['help', 'link'], 0],
    [['link', 'session', 'register', '-h'], 0],
    [['--version'], 0],
    [['home'], 0],
    [['link'], 2],
    [['nonsense'], 2],
    [['init'], 2],
    [['link', 'status', '--nonsense'], 2],
    [['link', 'status', 'extra'], 2],
    [['idea', 'show'], 2],
    [['ideas', 'list', '--limit', 'many'], 2],
    [['runner', 'status', '--repo-root'], 2],
  ])('%j ends with %i', async (words, expected) => {
    using desk = new Desk();
    const { code, stdout, error } = await desk.orp(words);
    expect(code).toBe(expected);
    if (expected === 0) expect(stdout).not.toBe('');
    else expect({ stdout, hint: error?.hint }).toEqual({ stdout: '', hint: expect.any(String) });
  });

  it('every command has a description, and examples with options that it has', async () => {
    using desk = new Desk();
    const visit = async (words: readonly string[]): Promise<number> => {
      const { stdout } = await desk.orp([...words, '--help']);
      const rows = stdout.split('\n').filter((line) => /^ {2}[a-z]/.test(line) && !/^ {2}help/.test(line));
      if (stdout.split('\n')[0]?.endsWith('[command]')) {
        for (const row of rows) expect(row).toMatch(/^ {2}\S.* {2,}\S/);
        const below = rows.map((row) => visit([...words, row.trim().split(/[ ]/)[0] ?? '']));
        return (await Promise.all(below)).reduce((sum, count) => sum + count, 0);
      }
      const lines = [...stdout.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = '']) => line);
      expect(lines.join('\n')).toContain(`orp ${words.join(' ')}`);
      const named = lines.flatMap((line) => line.split(' -- ')[0]?.match(/--[a-z-]+/g) ?? []);
      for (const flag of named) expect(stdout).toMatch(new RegExp(`^ {2}(-., )?${flag}\\b`, 'm'));
      return 1;
    };
    expect(await visit([])).toBeGreaterThan(50);
  });
});

describe('a process', () => {
  it('prints its version without touching anything', async () => {
    using desk = new Desk();
    expect(await shell(desk, ['--version'])).toEqual({ code: 0, stdout: '9.9.9\n', stderr: '' });
    expect(existsSync(desk.userFolder)).toBe(false);
  });

  it('prints an error in one line and a hint, on stderr', async () => {
    using desk = new Desk();
    expect(await shell(desk, ['whoami'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: You are not signed in: hosted auth is not connected.\nhint: Run `orp auth login`.\n',
    });
  });

  it('with --json, an error is one JSON object on stderr, also for a wrong command line', async () => {
    using desk = new Desk();
    const missing = await shell(desk, ['whoami', '--js']);
    expect(JSON.parse(missing.stderr)).toEqual({
      error: 'You are not signed in: hosted auth is not connected.',
      code: 'not_signed_in',
      hint: 'Run `orp auth login`.',
    });
    expect(JSON.parse((await shell(desk, ['link', 'nonsense', '--json'])).stderr)).toMatchObject({
      code: 'usage',
    });
  });

  it('omits statuses and paths from the error, and shows them with --json and ORP_DEBUG', async () => {
    const refusal = {
      error: 'There is no such idea.',
      code: 'not_found',
      requestId: 'req_1',
      hint: 'List them.',
    };
    await using server = await RecordingServer.start(() => ({ status: 404, body: refusal }));
    using desk = new Desk();
    desk.signIn(server.url);
    const words = ['idea', 'show', 'ide_1'];
    const sentence = 'error: There is no such idea.\nhint: List them.\n';
    expect((await shell(desk, words)).stderr).toBe(sentence);
    expect(JSON.parse((await shell(desk, [...words, '--json'])).stderr)).toMatchObject({
      error: 'There is no such idea.',
      status: 404,
      path: '/api/cli/ideas/ide_1',
    });
    desk.env.ORP_DEBUG = '1';
    const { stderr } = await shell(desk, words);
    expect(stderr.startsWith(`${sentence}status=404\npath=/api/cli/ideas/ide_1\n`)).toBe(true);
  });

  it('reports a refusal of the system without a stack trace', async () => {
    using desk = new Desk();
    desk.write(desk.userFolder, 'a file where a folder should be');
    const { code, stderr } = await shell(desk, ['runner', 'enable']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: E[A-Z]+: .*\nhint: .*\n$/);
  });

  it('ends by itself after its last answer, though the connection stays open', async () => {
    await using server = await RecordingServer.start(() => ({ body: { user: { id: 'usr_1' } } }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await shell(desk, ['whoami'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('ends with 130 when it is interrupted, also in the middle of a call', async () => {
    const asked = Promise.withResolvers<void>();
    await using server = await RecordingServer.start(() => {
      asked.resolve();
      return new Promise(() => undefined);
    });
    using desk = new Desk();
    desk.signIn(server.url);
    const child = spawn(process.execPath, [MAIN, 'whoami'], { cwd: desk.repo, env: desk.env });
    await asked.promise;
    child.kill('SIGINT');
    expect((await once(child, 'exit'))[0]).toBe(130);
  });

  it('refuses a blank --repo-root instead of taking the current folder', async () => {
    using desk = new Desk();
    const { code, error } = await desk.orp(['--repo-root', '', 'link', 'status']);
    expect([code, error?.message]).toEqual([2, '--repo-root is blank.']);
  });
});
