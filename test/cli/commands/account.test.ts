import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { maskEmail } from '../../../cli/commands/auth.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };
const LOGIN = ['auth', 'login', '--email', 'mira@example.test', '--password-stdin'];
const stored = (desk: Desk) => desk.readJson(join(desk.userFolder, 'remote-session.json'));

describe('orp auth login', () => {
  it('signs in at once, keeps the token privately and never prints it', async () => {
    await using server = await RecordingServer.start(() => ({ body: { token: 'dvt_secret', user: USER } }));
    using desk = new Desk();
    const { code, stdout, stderr } = await desk.orp(
      [...LOGIN, '--base-url', `${server.url}/`],
      ' pass word \r\n',
    );
    expect(code).toBe(0);
    expect(stdout).toBe(`base_url=${server.url}\nemail=mira@example.test\nuser_id=usr_1\nconnected=true\n`);
    expect(stdout + stderr).not.toContain('dvt_secret');
    expect(server.only).toMatchObject({
      method: 'POST',
      path: '/api/auth/device-login',
      body: { email: 'mira@example.test', password: ' pass word ' },
    });
    expect(stored(desk)).toEqual({
      base_url: server.url,
      email: 'mira@example.test',
      token: 'dvt_secret',
      user: USER,
      pending_verification: null,
    });
  });

  it('is pending when a code was sent, and verify finishes it', async () => {
    await using server = await RecordingServer.start(({ path }) =>
      path.endsWith('login')
        ? { body: { success: true, expiresAt: '2026-04-01T10:15:00Z' } }
        : { body: { token: 'dvt_2', userId: 'usr_1', email: 'mira@example.test' } },
    );
    using desk = new Desk();
    const login = await desk.orp([...LOGIN, '--base-url', server.url, '--json'], 'pw');
    expect(JSON.parse(login.stdout)).toEqual({
      base_url: server.url,
      email: 'mi**@example.test',
      expires_at: '2026-04-01T10:15:00Z',
      pending_verification: true,
    });
    expect(stored(desk)).toMatchObject({
      token: '',
      user: null,
      pending_verification: { expiresAt: '2026-04-01T10:15:00Z' },
    });
    expect((await desk.orp(['whoami'])).error?.hint).toBe('Run `orp auth verify`.');

    const verify = await desk.orp(['auth', 'verify', '--code-stdin'], '417220\n');
    expect(verify.code).toBe(0);
    expect(server.asked.at(-1)?.body).toMatchObject({ email: 'mira@example.test', code: '417220' });
    expect(stored(desk)).toMatchObject({ token: 'dvt_2', pending_verification: null });
  });

  it('takes a token that comes with its own end as a sign-in', async () => {
    const body = { token: 'dvt_1', user: USER, expiresAt: '2027-01-01T00:00:00Z' };
    await using server = await RecordingServer.start(() => ({ body }));
    using desk = new Desk();
    await desk.orp([...LOGIN, '--base-url', server.url], 'pw');
    expect(stored(desk).token).toBe('dvt_1');
  });

  it.each([[{ token: null, user: USER }], [{ token: 'dvt_1', user: null, email: null }], [{ ok: true }]])(
    'an answer like %j is an error and changes nothing',
    async (body) => {
      await using server = await RecordingServer.start(() => ({ body }));
      using desk = new Desk();
      const { code, error } = await desk.orp([...LOGIN, '--base-url', server.url], 'pw');
      expect({ code, reason: error?.code }).toEqual({ code: 2, reason: 'unexpected_answer' });
      expect(existsSync(join(desk.userFolder, 'remote-session.json'))).toBe(false);
    },
  );

  it.each([
    [['auth', 'login'], '', 'No email given.'],
    [LOGIN, '\n', 'The password is blank.'],
    [[...LOGIN, '--password', 'x'], 'x', 'cannot be used together'],
    [['auth', 'verify', '--email', 'a@b.c'], '', 'The code is blank.'],
  ])('%j without what it needs asks nobody and says what is missing', async (words, stdin, sentence) => {
    using desk = new Desk();
    const { code, error } = await desk.orp(words, stdin);
    expect(code).toBe(2);
    expect(error?.message).toContain(sentence);
  });

  it.each([
    ['mira@example.test', 'mi**@example.test'],
    ['ab@example.test', '**@example.test'],
    ['a@x', '*@x'],
  ])('%s is shown as %s', (email, masked) => {
    expect(maskEmail(email)).toBe(masked);
  });
});

describe('orp auth logout', () => {
  it('revokes the token, forgets it, and keeps service and e-mail', async () => {
    await using server = await RecordingServer.startNewest();
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['auth', 'logout'])).stdout).toBe(
      `base_url=${server.url}\nconnected=false\nok=true\n`,
    );
    expect(server.only).toMatchObject({ method: 'DELETE', path: '/api/cli/me/token' });
    expect(stored(desk)).toEqual({
      base_url: server.url,
      email: 'mira@example.test',
      token: '',
      user: null,
      pending_verification: null,
    });
  });

  it('says nothing about a token that was dead already', async () => {
    await using server = await RecordingServer.startNewest(() => ({
      status: 401,
      body: { error: 'Who?', code: 'unauthenticated', requestId: 'req_1' },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await desk.orp(['auth', 'logout'])).toMatchObject({ code: 0, stderr: '' });
    expect(stored(desk).token).toBe('');
  });

  it.each([
    ['a web page with status 401', { status: 401, body: '<html>Sign in to the network</html>' }],
    ['an empty success', { status: 200 }],
  ])("takes %s for nobody's word that the token is dead", async (_, answer) => {
    await using server = await RecordingServer.startNewest(() => answer);
    using desk = new Desk();
    desk.signIn(server.url);
    const { stderr } = await desk.orp(['auth', 'logout']);
    expect(stderr).toContain('warning: Could not revoke the token');
  });

  it('says that a server of v0.4.4 revokes nothing, and asks it for nothing', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true, user: USER } }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { code, stderr } = await desk.orp(['auth', 'logout']);
    expect([code, server.asked.map(({ path }) => path)]).toEqual([0, ['/api/cli/me']]);
    expect(stderr).toContain('does not support revoking a token');
  });

  it('works while the service is away, and says that the token lives on', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    const { code, stderr } = await desk.orp(['auth', 'logout']);
    expect(code).toBe(0);
    expect(stderr).toContain('warning: Could not revoke the token');
    expect(stored(desk).token).toBe('');
  });
});

describe('orp whoami', () => {
  it('shows who is signed in', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true, user: USER } }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await desk.json('whoami')).toEqual({
      base_url: server.url,
      user_id: 'usr_1',
      email: 'mira@example.test',
      name: 'Mira',
      connected: true,
    });
  });

  it('does not claim to be connected when the answer names nobody', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true } }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['whoami'])).error).toMatchObject({ code: 'unexpected_answer' });
  });

  it('a torn sign-in file is told, and kept by the next sign-in', async () => {
    await using server = await RecordingServer.start(() => ({ body: { token: 'dvt_1', user: USER } }));
    using desk = new Desk();
    desk.write(join(desk.userFolder, 'remote-session.json'), '{"token": "dv');
    expect((await desk.orp(['whoami'])).error).toMatchObject({ code: 'torn_state', exitCode: 2 });
    const { warnings, next_actions } = await desk.json('link', 'status');
    expect(warnings).toContain('Could not read the sign-in file: it is not a JSON object.');
    expect(next_actions).toContain('orp auth login');
    await desk.orp([...LOGIN, '--base-url', server.url], 'pw');
    expect(stored(desk).token).toBe('dvt_1');
    const kept = 'remote-session.json.torn-';
    const name = readdirSync(desk.userFolder).find((candidate) => candidate.startsWith(kept));
    expect(statSync(join(desk.userFolder, name ?? '')).mode & 0o077).toBe(0);
  });
});
