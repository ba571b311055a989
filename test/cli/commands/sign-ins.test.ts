/** Signing in by a code, the token of the environment, and the own devices. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawQrCode } from '../../../cli/client/device-sign-in.ts';
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

describe('the QR code of a sign-in', () => {
  const ADDRESS = 'https://orp.example.workers.dev/device?code=WDJB-MJHT';

  it('is dark on white on every terminal with colors, before the address', async () => {
    await using server = await RecordingServer.startNewest(byCode);
    using desk = atTerminal();
    delete desk.env.NO_COLOR;
    const { stderr } = await desk.orp(['auth', 'login', '--base-url', server.url]);
    const rows = stderr.split('\n').filter((line) => line.startsWith('\u001b[38;5;16;48;5;231m'));
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.every((row) => row.endsWith('\u001b[39;49m'))).toBe(true);
    expect(stderr.indexOf('\u001b[38;5;16')).toBeLessThan(stderr.indexOf('open this page'));
  });

  it.each(['NO_COLOR', 'TERM'])('is left out where %s says that there are no colors', async (name) => {
    await using server = await RecordingServer.startNewest(byCode);
    using desk = atTerminal();
    delete desk.env.NO_COLOR;
    desk.env[name] = name === 'TERM' ? 'dumb' : '1';
    const { stderr } = await desk.orp(['auth', 'login', '--base-url', server.url]);
    expect(stderr).toContain('WDJB-MJHT');
    expect(stderr).not.toMatch(/[█▀▄]/u);
  });

  it('fits into 40 columns, has a margin, and is left out of a narrower terminal', async () => {
    const lines = (await drawQrCode(ADDRESS, 40)) ?? [];
    expect(lines.every((line) => line.length === 33)).toBe(true);
    expect(lines[0]?.trim()).toBe('');
    expect(lines.every((line) => line.startsWith('  ') && line.endsWith('  '))).toBe(true);
    // The three corners by which a scanner finds the code.
    expect(lines[1]).toMatch(/^ {2}█▀▀▀▀▀█ .* █▀▀▀▀▀█ {2}$/u);
    expect(await drawQrCode(ADDRESS, 32)).toBeUndefined();
  });
});

describe('orp auth status', () => {
  const me = {
    ok: true,
    user: USER,
    token: { kind: 'token', scope: 'enqueue', name: 'ci', expiresAt: '2026-06-01T00:00:00Z' },
  };

  it('says whose token is used, from where, and what it may do', async () => {
    await using server = await RecordingServer.start(() => ({ body: me }));
    using desk = new Desk();
    Object.assign(desk.env, { ORP_TOKEN: 'dvt_ci', ORP_BASE_URL: server.url });
    expect(await desk.json('auth', 'status')).toEqual({
      signed_in: true,
      base_url: server.url,
      user_id: 'usr_1',
      email: 'mira@example.test',
      token_source: 'ORP_TOKEN',
      token_kind: 'token',
      token_name: 'ci',
      scope: 'enqueue',
      expires_at: '2026-06-01T00:00:00Z',
    });
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['auth', 'status']);
    expect(stdout).toContain('enqueue: read, and send jobs and reviews');
    expect(stdout).not.toContain('dvt_');
  });

  it('without a sign-in ends with 2 and the code not_signed_in', async () => {
    using desk = new Desk();
    const { code, error } = await desk.orp(['auth', 'status', '--base-url', 'http://127.0.0.1:1', '--json']);
    expect({ code, error: error?.code }).toEqual({ code: 2, error: 'not_signed_in' });
  });

  it('with a token that was revoked ends with 2 and the code unauthenticated', async () => {
    const refusal = { error: 'Sign in first.', code: 'unauthenticated', requestId: 'req_1' };
    await using server = await RecordingServer.start(() => ({ status: 401, body: refusal }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { code, error } = await desk.orp(['auth', 'status', '--json']);
    expect({ code, error: error?.code }).toEqual({ code: 2, error: 'unauthenticated' });
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

  it('creates one for a program, and prints it once', async () => {
    const made = { ok: true, id: 'cccc', token: 'dvt_made', name: 'ci', scope: 'enqueue' };
    await using server = await RecordingServer.startNewest(() => ({ status: 200, body: made }));
    using desk = new Desk();
    desk.signIn(server.url);
    const words = ['auth', 'token', 'create', 'ci', '--scope', 'enqueue'];
    expect((await desk.orp([...words, '--fields', 'token'])).stdout).toContain('dvt_made');
    expect(server.only.body).toEqual({ name: 'ci', scope: 'enqueue', expiresInDays: 90 });
    await desk.orp([...words, '--no-expiry']);
    expect(server.asked.at(-1)?.body).toEqual({ name: 'ci', scope: 'enqueue' });
    desk.isTerminal = true;
    const { stdout } = await desk.orp(words);
    expect(stdout).toContain('\n  dvt_made\n');
    expect(stored(desk).token).toBe('dvt_secret');
  });

  it('does not create one without a scope', async () => {
    using desk = new Desk();
    const { code } = await desk.orp(['auth', 'token', 'create', 'ci']);
    expect(code).toBe(2);
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
