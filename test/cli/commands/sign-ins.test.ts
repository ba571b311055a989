/** Signing in by a code, the token of the environment, and the own devices. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };

function byCode({ path }: Asked) {
  if (path.endsWith('/token')) return { body: { ok: true, token: 'dvt_new', user: USER } };
  if (path.endsWith('/device-login')) {
    const { id: userId, email, name } = USER;
    return { body: { ok: true, token: 'dvt_password', userId, email, name, user: USER } };
  }
  const page = 'https://orp.test/device';
  const times = { expiresIn: 600, interval: 1 };
  const codes = { deviceCode: 'dvc_secret', userCode: 'WDJB-MJHT' };
  return {
    body: { ok: true, ...codes, ...times, verificationUri: page, verificationUriComplete: `${page}?code=X` },
  };
}

function atTerminal(answers: string[] = []): Desk {
  return Object.assign(new Desk(), { isTerminal: true, answers });
}

const stored = (desk: Desk) => desk.readJson(join(desk.userFolder, 'remote-session.json'));
const paths = (server: RecordingServer) => server.asked.map(({ path }) => path);

describe('orp auth login on a terminal without an account', () => {
  it('shows the page and the code, waits, and keeps the token of the person who approved', async () => {
    await using server = await RecordingServer.startNewest(byCode);
    using desk = atTerminal();
    const { code, stdout, stderr } = await desk.orp(['auth', 'login', '--base-url', server.url]);
    expect(code).toBe(0);
    expect(stderr).toContain('https://orp.test/device?code=X');
    expect(stderr).toContain('WDJB-MJHT');
    expect(stdout).toContain('Signed in as mira@example.test');
    expect(stdout + stderr).not.toMatch(/dvt_|dvc_/);
    expect(paths(server)).toEqual(['/api/auth/device/code', '/api/auth/device/token']);
    expect(stored(desk)).toMatchObject({
      base_url: server.url,
      email: 'mira@example.test',
      token: 'dvt_new',
    });
  });

  it('asks for email and password where the server has no such page', async () => {
    await using server = await RecordingServer.start(({ path }) =>
      path.endsWith('/me')
        ? { status: 401, body: { error: 'Who?' } }
        : { body: { token: 'dvt_1', user: USER } },
    );
    using desk = atTerminal(['mira@example.test', 'pass word']);
    const { code, stdout } = await desk.orp(['auth', 'login', '--base-url', server.url]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Signed in as mira') });
    expect(server.asked.at(-1)).toMatchObject({
      path: '/api/auth/device-login',
      body: { password: 'pass word' },
    });
  });

  it.each([
    ['with --email', ['--email', 'mira@example.test'], true],
    ['with --json', ['--json'], true],
    ['in a pipe', [], false],
  ])('signs in with the password %s', async (_, words, isTerminal) => {
    await using server = await RecordingServer.startNewest(byCode);
    using desk = atTerminal(['pass word']);
    desk.isTerminal = isTerminal;
    desk.signIn(server.url);
    expect((await desk.orp(['auth', 'login', ...words])).code).toBe(0);
    expect(paths(server)).toEqual(['/api/auth/device-login']);
  });
});

describe('ORP_TOKEN', () => {
  it('is used instead of the stored sign-in, at the server of the environment, and is never stored', async () => {
    await using own = await RecordingServer.startNewest();
    await using other = await RecordingServer.start(() => ({ body: { ok: true, user: USER } }));
    using desk = new Desk();
    desk.signIn(own.url);
    Object.assign(desk.env, { ORP_TOKEN: ' dvt_ci ', ORP_BASE_URL: other.url });
    expect((await desk.orp(['whoami'])).code).toBe(0);
    expect(own.asked).toEqual([]);
    expect(other.only.headers.authorization).toBe('Bearer dvt_ci');
    expect(stored(desk)).toMatchObject({ base_url: own.url, token: 'dvt_secret' });
  });

  it('needs no sign-in, and --base-url names its server', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true, user: USER } }));
    using desk = new Desk();
    desk.env.ORP_TOKEN = 'dvt_ci';
    expect((await desk.orp(['whoami', '--base-url', server.url])).code).toBe(0);
    expect(server.only.headers.authorization).toBe('Bearer dvt_ci');
    expect(existsSync(join(desk.userFolder, 'remote-session.json'))).toBe(false);
  });

  it('is never revoked by a sign-out, nor replaced by a sign-in, which says so', async () => {
    await using server = await RecordingServer.startNewest(byCode);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.env.ORP_TOKEN = 'dvt_ci';
    const login = await desk.orp(['auth', 'login', '--password-stdin'], 'pw');
    expect(login.stderr).toContain('warning: ORP_TOKEN is set');
    expect(stored(desk).token).toBe('dvt_password');
    await desk.orp(['auth', 'logout']);
    expect(server.asked.at(-1)).toMatchObject({ path: '/api/cli/me/token' });
    expect(server.asked.at(-1)?.headers.authorization).toBe('Bearer dvt_password');
    expect(stored(desk).token).toBe('');
  });

  it('that is no token is named without being shown', async () => {
    using desk = new Desk();
    desk.env.ORP_TOKEN = 'dvt_a\r\nX-Evil: 1';
    const { code, error } = await desk.orp(['whoami']);
    expect({ code, message: error?.message }).toEqual({ code: 2, message: 'ORP_TOKEN is not a token.' });
  });
});

const TOKENS = [
  {
    id: 'aaaa',
    name: 'study',
    kind: 'cli',
    createdAt: '2026-03-01T00:00:00Z',
    usedAt: '2026-03-20T00:00:00Z',
    isThis: true,
  },
  {
    id: 'bbbb',
    name: 'phone\u001b[2J',
    kind: 'browser',
    createdAt: '2026-03-01T00:00:00Z',
    usedAt: '2026-03-02T00:00:00Z',
    isThis: false,
  },
];

describe('orp auth token', () => {
  it('lists the devices, marks this one, and steers no terminal', async () => {
    await using server = await RecordingServer.startNewest(() => ({ body: { ok: true, tokens: TOKENS } }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['auth', 'token', 'list'])).stdout).toContain('token.id=aaaa\ntoken.name=study\n');
    expect(await desk.json('auth', 'token', 'list')).toMatchObject({ ok: true, tokens: TOKENS });
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['auth', 'token', 'list']);
    expect(stdout).toContain('study (this one)');
    expect(stdout).not.toContain('\u001b');
  });

  it('revokes one by its id', async () => {
    await using server = await RecordingServer.startNewest(() => ({ body: { ok: true, name: 'phone' } }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['auth', 'token', 'revoke', 'bbbb'])).stdout).toBe(
      'ok=true\ntoken.id=bbbb\ntoken.name=phone\n',
    );
    expect(server.only).toMatchObject({ method: 'DELETE', path: '/api/auth/tokens/bbbb' });
  });
});

describe('orp auth password', () => {
  it('sends the old and the new password, from stdin or asked', async () => {
    await using server = await RecordingServer.startNewest(() => ({ body: { ok: true, revoked: 2 } }));
    using desk = new Desk();
    desk.signIn(server.url);
    const words = ['auth', 'password', '--revoke-others'];
    expect((await desk.orp([...words, '--password-stdin'], 'old\n a new one \n')).stdout).toBe(
      'ok=true\nrevoked=2\n',
    );
    expect(server.only.body).toEqual({ current: 'old', next: ' a new one ', revokeOthers: true });
    using other = atTerminal(['old', 'a new one', 'a new one']);
    other.signIn(server.url);
    const asked = await other.orp(['auth', 'password']);
    expect(asked.stdout).toContain('Your password was changed.');
    expect(asked.stdout + asked.stderr).not.toContain('a new one');
    expect(server.asked.at(-1)?.body).toEqual({ current: 'old', next: 'a new one', revokeOthers: false });
  });

  it.each([
    [['auth', 'password'], '', 'orp cannot ask for the passwords'],
    [['auth', 'password', '--password-stdin'], 'one line', 'two lines'],
    [['auth', 'password', '--password-stdin'], 'a\nb\nc', 'two lines'],
  ])('%j with %j changes nothing and says what is missing', async (words, stdin, sentence) => {
    await using server = await RecordingServer.startNewest();
    using desk = new Desk();
    desk.signIn(server.url);
    const { code, error } = await desk.orp(words, stdin);
    expect({ code, message: error?.message }).toEqual({
      code: 2,
      message: expect.stringContaining(sentence),
    });
    expect(server.asked).toEqual([]);
  });

  it('changes nothing when the new password was typed differently', async () => {
    await using server = await RecordingServer.startNewest();
    using desk = atTerminal(['old', 'a new one', 'another']);
    desk.signIn(server.url);
    expect((await desk.orp(['auth', 'password'])).error?.message).toContain('differ');
    expect(server.asked).toEqual([]);
  });
});
