/** Operators look at limits of accounts and change them from the command line. */

import { describe, expect, it } from 'vitest';
import { ACCOUNT_LIMITS } from '../../../spec/bounds.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

const LIMIT = { name: 'queuedJobs', used: 1200, limit: 1000, default: 5000, custom: true };
const KEPT = { name: 'keptJobs', used: 96, limit: 100, default: 50_000, custom: true };
const STREAMS = { name: 'followStreams', limit: 5, default: 5, custom: false };
const MIRA = { id: 'usr_1', email: 'mira@example.test' };
const LISTED = { ...MIRA, name: 'Mira', role: 'member', createdAt: '2026-03-01T00:00:00Z' };

function answers({ method, path, query }: Asked) {
  if (method === 'PATCH') return { body: { ok: true, changed: true } };
  if (path.endsWith('/accounts')) return { body: { ok: true, accounts: [LISTED] } };
  if (path === '/api/admin/limits') {
    // Nobody of the first page is near a limit.
    if (!query.includes('cursor')) return { body: { ok: true, accounts: [], nextCursor: 'usr_0' } };
    return { body: { ok: true, accounts: [{ ...MIRA, limits: [LIMIT] }], nextCursor: 'usr_1' } };
  }
  return { body: { ok: true, ...MIRA, limits: [LIMIT, KEPT, STREAMS] } };
}

describe('orp admin limits', () => {
  it('lists the accounts that are near a limit, from the first page that has some, and says how to go on', async () => {
    await using server = await RecordingServer.startNewest(answers);
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await desk.json('admin', 'limits')).toMatchObject({
      accounts: [{ ...MIRA, limits: [LIMIT] }],
      next_cursor: 'usr_1',
    });
    expect((await desk.orp(['admin', 'limits'])).stdout).toContain(
      'account.email=mira@example.test\nlimit.name=queuedJobs\nlimit.used=1200\n',
    );
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['admin', 'limits']);
    expect(stdout).toMatch(/mira@example\.test +queuedJobs +1,200 +1,000 +5,000/);
    expect(stdout).toContain('orp admin limits --cursor usr_1');
  });

  it('changes limits of one account, and shows its limits', async () => {
    await using server = await RecordingServer.startNewest(answers);
    using desk = new Desk();
    desk.signIn(server.url);
    const words = ['admin', 'limits', MIRA.email, '--set', 'queuedJobs=1000', '--default', 'ideas'];
    expect(await desk.json(...words)).toMatchObject({ changed: true, limits: [LIMIT, KEPT, {}] });
    expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/admin/accounts',
      'PATCH /api/admin/accounts/usr_1/limits',
      'GET /api/admin/accounts/usr_1/limits',
    ]);
    expect(server.asked[1]?.body).toEqual({ limits: { queuedJobs: 1000, ideas: null }, reason: null });
    desk.isTerminal = true;
    const { stdout } = await desk.orp(words);
    expect(stdout).toContain('The limits of mira@example.test are changed.');
    expect(stdout).toContain(
      'Above the limit: queuedJobs. The server removes nothing, and refuses new work.',
    );
    expect(stdout).toContain('Near the limit: keptJobs. The server deletes the oldest ended jobs');
    expect(stdout).toMatch(/queuedJobs +1,200 +1,000 +5,000\n.*\n.*followStreams +- +5 +5/);
  });

  it('restores all limits with one word', async () => {
    await using server = await RecordingServer.startNewest(answers);
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json('admin', 'limits', MIRA.email, '--default', 'all', '--reason', 'over');
    const limits = Object.fromEntries(ACCOUNT_LIMITS.map((name) => [name, null]));
    expect(server.asked[1]?.body).toEqual({ limits, reason: 'over' });
  });

  it.each([
    ['needs an account for a change', ['--set', 'ideas=1']],
    ['takes no negative number', [MIRA.email, '--set', 'ideas=-1']],
    ['takes no number with a point', [MIRA.email, '--set', 'ideas=1.5']],
    ['takes no number in words', [MIRA.email, '--set', 'ideas=NaN']],
    ['takes known limits only', [MIRA.email, '--set', 'jobs=1']],
    ['restores known limits only', [MIRA.email, '--default', '__proto__']],
    ['takes a reason with a change only', [MIRA.email, '--reason', 'why']],
    ['takes no cursor with an account', [MIRA.email, '--cursor', 'usr_1']],
    ['takes no limit twice', [MIRA.email, '--set', 'ideas=1', '--default', 'ideas']],
  ])('%s', async (_, words) => {
    await using server = await RecordingServer.startNewest(answers);
    using desk = new Desk();
    desk.signIn(server.url);
    expect(await desk.orp(['admin', 'limits', ...words])).toMatchObject({
      code: 2,
      error: { code: 'usage' },
    });
    expect(server.asked).toEqual([]);
  });
});
