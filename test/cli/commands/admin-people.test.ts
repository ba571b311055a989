/** Operators invite, disable, enable and help people from the command line. */

import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const MIRA = {
  id: 'usr_1',
  email: 'mira@example.test',
  name: 'Mira\u202e\u001b[2J',
  role: 'member',
  createdAt: '2026-03-01T00:00:00Z',
};
const URL_OF_LINK = 'https://orp.test/join?token=lnk_secret';
const INVITATION = {
  id: '0123456789abcdef',
  role: 'operator',
  email: 'new@example.test',
  state: 'open',
  createdBy: 'root@example.test',
  createdAt: '2026-03-01T00:00:00Z',
  expiresAt: '2026-03-08T00:00:00Z',
};

function answers({ method, path, query }: Asked) {
  if (path.endsWith('/password-link'))
    return { body: { ok: true, email: MIRA.email, url: URL_OF_LINK, expiresAt: INVITATION.expiresAt } };
  if (/able$|revoke$/.test(path)) return { body: { ok: true, changed: true } };
  if (path.endsWith('/accounts')) {
    const isUnknown = query.includes('nobody');
    return { body: { ok: true, accounts: isUnknown ? [] : [MIRA], nextCursor: 'usr_1' } };
  }
  if (method === 'GET') return { body: { ok: true, invitations: [INVITATION] } };
  return {
    body: {
      ok: true,
      id: INVITATION.id,
      url: URL_OF_LINK,
      role: 'operator',
      expiresAt: INVITATION.expiresAt,
    },
  };
}

async function aDesk(): Promise<{ server: RecordingServer; desk: Desk }> {
  const server = await RecordingServer.startNewest(answers);
  const desk = new Desk();
  desk.signIn(server.url);
  return { server, desk };
}

describe('orp admin invite', () => {
  it('asks for a link of the role and address, and prints it', async () => {
    const { server, desk } = await aDesk();
    const words = ['admin', 'invite', '--role', 'operator', '--email', 'new@example.test'];
    expect((await desk.orp(words)).stdout).toContain(
      `invitation.url=${URL_OF_LINK}\ninvitation.role=operator\n`,
    );
    expect(server.only.body).toEqual({ role: 'operator', email: 'new@example.test' });
    expect(await desk.json('admin', 'invite')).toMatchObject({ url: URL_OF_LINK });
    expect(server.asked.at(-1)?.body).toEqual({ role: 'member', email: null });
    expect((await desk.orp(['admin', 'invite', '--role', 'root'])).code).toBe(2);
    await server[Symbol.asyncDispose]();
    desk[Symbol.dispose]();
  });
});

describe('orp admin invitations', () => {
  it('lists them, and revokes one, with --json at the end as well', async () => {
    const { server, desk } = await aDesk();
    expect(await desk.json('admin', 'invitations')).toMatchObject({ invitations: [INVITATION] });
    expect(await desk.json('admin', 'invitations', 'revoke', INVITATION.id)).toEqual({
      ok: true,
      changed: true,
    });
    expect(server.asked.at(-1)).toMatchObject({
      method: 'POST',
      path: `/api/admin/invitations/${INVITATION.id}/revoke`,
    });
    desk.isTerminal = true;
    expect((await desk.orp(['admin', 'invitations'])).stdout).toContain('new@example.test');
    await server[Symbol.asyncDispose]();
    desk[Symbol.dispose]();
  });
});

describe('orp admin accounts', () => {
  it('lists them without steering the terminal, and says how to go on', async () => {
    const { server, desk } = await aDesk();
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['admin', 'accounts']);
    expect(stdout).toContain('mira@example.test');
    expect(stdout).toContain('orp admin accounts --cursor usr_1');
    for (const hidden of ['\u001b', '\u202e']) expect(stdout).not.toContain(hidden);
    await server[Symbol.asyncDispose]();
    desk[Symbol.dispose]();
  });
});

describe.each([
  ['disable', '/api/admin/accounts/usr_1/disable', 'changed=true'],
  ['enable', '/api/admin/accounts/usr_1/enable', 'changed=true'],
  ['reset-password', '/api/admin/accounts/usr_1/password-link', `link.url=${URL_OF_LINK}`],
])('orp admin %s', (verb, path, line) => {
  it('finds the account by its address and orders that one', async () => {
    const { server, desk } = await aDesk();
    const { code, stdout } = await desk.orp(['admin', verb, 'mira@example.test', '--reason', ' asked ']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(line) });
    expect(server.asked.map((asked) => asked.path)).toEqual(['/api/admin/accounts', path]);
    expect(server.asked[0]?.query).toContain('account=mira%40example.test');
    expect(server.asked.at(-1)?.body).toEqual({ reason: 'asked' });
    desk.isTerminal = true;
    expect((await desk.orp(['admin', verb, 'usr_1'])).stdout).toContain('mira@example.test');
    await server[Symbol.asyncDispose]();
    desk[Symbol.dispose]();
  });

  it('orders nothing for an account that is not there', async () => {
    const { server, desk } = await aDesk();
    const { error } = await desk.orp(['admin', verb, 'nobody@example.test']);
    expect(error).toMatchObject({ code: 'not_found', message: 'There is no account nobody@example.test.' });
    expect(server.asked).toHaveLength(1);
    await server[Symbol.asyncDispose]();
    desk[Symbol.dispose]();
  });
});

describe('orp admin audit', () => {
  const entries = [
    {
      at: '2026-03-01T00:00:00Z',
      action: 'cancel',
      account: { id: 'usr_1', email: 'mira@example.test' },
      actor: { id: 'usr_2', email: 'root@example.test' },
      source: '203.0.113.9 orp/1',
      subject: 'job_1',
      detail: 'wrong branch\u001b[2J',
    },
    {
      at: '2026-03-01T00:00:00Z',
      action: 'newly_invented',
      account: { id: 'usr_1', email: 'mira@example.test' },
      actor: { id: 'unknown' },
      source: '203.0.113.9 orp/1',
      subject: '203.0.113.9',
    },
  ];

  it('lists who did what and from where, steers no terminal, and names the next page', async () => {
    const answer = { ok: true, entries, nextCursor: 'abc' };
    await using server = await RecordingServer.startNewest(() => ({ body: answer }));
    using desk = new Desk();
    desk.signIn(server.url);
    const words = ['admin', 'audit', '--account', 'mira@example.test', '--action', 'cancel'];
    expect(await desk.json(...words)).toMatchObject({ entries, next_cursor: 'abc' });
    expect(server.only.query).toBe('account=mira%40example.test&action=cancel&limit=50');
    expect((await desk.orp(words)).stdout).toContain('entry.actor=root@example.test\n');
    desk.isTerminal = true;
    const { stdout } = await desk.orp(words);
    expect(stdout).toMatch(/root@example\.test cancelled a job: job_1\n +of mira@example\.test · wrong/);
    expect(stdout).toMatch(/unknown newly invented: 203/);
    expect(stdout).toContain('--cursor abc');
    expect(stdout).not.toContain('\u001b');
  });
});
