/** Signing in with a password, with or without a code; and what limits guessing. */

import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deviceLogin, deviceVerify, getMe } from '../../../spec/contract/auth.ts';
import { accepts, refuses, send, sendRaw } from '../harness/call.ts';
import { advance, MINUTE, takeLog } from '../harness/clock.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson } from '../harness/people.ts';

const PASSWORD = 'open sesame 42';

async function aUser(): Promise<{ email: string; userId: string }> {
  return aPerson({ passwordHash: hashOf(PASSWORD) });
}

describe('a sign-in', () => {
  it('brings a token that works, and nothing that v0.4.4 reads as a pending code', async () => {
    const { email, userId } = await aUser();
    takeLog();
    const body = { email: ` ${email.toUpperCase()} `, password: PASSWORD };
    const answer = await send(deviceLogin, { body });
    const signedIn = JSON.parse(answer.text) as { token: string };
    expect(signedIn).toMatchObject({ ok: true, userId, email, name: 'Mira', user: { id: userId, email } });
    expect(signedIn).not.toHaveProperty('expiresAt');
    expect(signedIn.token).toMatch(/^dvt_[A-Za-z0-9_-]{43}$/);
    const me = await sendRaw({ method: 'GET', path: getMe.path, token: signedIn.token });
    expect(JSON.parse(me.text)).toEqual({
      ok: true,
      user: { id: userId, email, name: 'Mira', role: 'member' },
      token: { kind: 'cli', scope: 'owner', name: expect.any(String) },
    });

    const log = JSON.stringify(takeLog());
    expect(log).not.toContain(PASSWORD);
    expect(log).not.toContain(signedIn.token);
    const stored = await env.DB.prepare('SELECT hash FROM device_tokens WHERE user_id = ?')
      .bind(userId)
      .all();
    expect(JSON.stringify(stored.results)).not.toContain(signedIn.token);
  });

  it('takes the password as it is, blanks included', async () => {
    const { email } = await aUser();
    await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: `${PASSWORD} ` } });
  });

  it('with the right password is refused too while there were too many wrong ones, and works later', async () => {
    const { email } = await aUser();
    for (let tries = 0; tries < 10; tries += 1) {
      await refuses(deviceLogin, 'invalid_credentials', { body: { email, password: 'wrong' } });
    }
    await refuses(deviceLogin, 'too_many_attempts', { body: { email, password: PASSWORD } });
    advance(16 * MINUTE);
    await accepts(deviceLogin, { body: { email, password: PASSWORD } });
  });

  it('counts wrong passwords that arrive at the same time', async () => {
    const { email } = await aUser();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(deviceLogin, { body: { email, password: 'wrong' } })),
    );
    expect(answers.filter((answer) => answer.status === 401).length).toBeLessThanOrEqual(10);
  });

  it('limits one address that tries many accounts', async () => {
    const headers = { 'CF-Connecting-IP': '203.0.113.7' };
    const statuses: number[] = [];
    for (let count = 0; count < 52; count += 1) {
      const body = { email: `nobody-${count}@orp.test`, code: '000000' };
      statuses.push((await send(deviceVerify, { body, headers })).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(50);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe('a sign-in with a code', () => {
  const posted: { email: string; code: string; expiresAt: string }[] = [];
  const settings = env as { SIGN_IN_CODE_WEBHOOK?: string };

  afterEach(() => {
    delete settings.SIGN_IN_CODE_WEBHOOK;
    vi.unstubAllGlobals();
    posted.length = 0;
  });

  function withMail(answer: () => Response = () => new Response('ok')): void {
    settings.SIGN_IN_CODE_WEBHOOK = 'https://mail.test/codes';
    vi.stubGlobal('fetch', async (_url: string, init: RequestInit) => {
      posted.push(JSON.parse(String(init.body)) as (typeof posted)[number]);
      return answer();
    });
  }

  async function askForCode(email: string): Promise<string> {
    const pending = await accepts(deviceLogin, { body: { email, password: PASSWORD } });
    expect(pending).toMatchObject({ ok: true, success: true, expiresAt: expect.any(String) });
    expect(pending).not.toHaveProperty('token');
    return posted.at(-1)?.code ?? '';
  }

  it('sends six digits, says where in a mask, and takes them once', async () => {
    withMail();
    const { email, userId } = await aUser();
    takeLog();
    const code = await askForCode(email);
    expect(code).toMatch(/^\d{6}$/);
    expect(posted).toMatchObject([{ email }]);
    const verified = await accepts(deviceVerify, { body: { email, code } });
    expect(verified.user.id).toBe(userId);
    expect((await sendRaw({ method: 'GET', path: getMe.path, token: verified.token })).status).toBe(200);
    await refuses(deviceVerify, 'invalid_code', { body: { email, code } });
    expect(JSON.stringify(takeLog())).not.toContain(code);
  });

  it('takes no code after ten minutes, and none after five tries', async () => {
    withMail();
    const { email } = await aUser();
    const old = await askForCode(email);
    advance(10 * MINUTE);
    await refuses(deviceVerify, 'invalid_code', { body: { email, code: old } });
    const code = await askForCode(email);
    for (let tries = 0; tries < 5; tries += 1) {
      await refuses(deviceVerify, 'invalid_code', {
        body: { email, code: code === '111111' ? '222222' : '111111' },
      });
    }
    await refuses(deviceVerify, 'invalid_code', { body: { email, code } });
  });

  it('takes only the newest code', async () => {
    withMail();
    const { email } = await aUser();
    const first = await askForCode(email);
    const second = await askForCode(email);
    if (first !== second) await refuses(deviceVerify, 'invalid_code', { body: { email, code: first } });
    await accepts(deviceVerify, { body: { email, code: second } });
  });

  it('reports that the code could not be sent', async () => {
    withMail(() => new Response('down', { status: 500 }));
    const { email } = await aUser();
    await refuses(deviceLogin, 'unavailable', { body: { email, password: PASSWORD } });
  });
});
