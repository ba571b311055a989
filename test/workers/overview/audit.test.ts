/** The audit log: who did what, from where and when; nobody can change it; operators read it. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import * as admin from '../../../spec/contract/admin.ts';
import * as auth from '../../../spec/contract/auth.ts';
import { cancelJob, enqueueJob, retryJob, showJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import * as people from '../../../spec/contract/people.ts';
import { AUDIT_ACTIONS, auditWords } from '../../../spec/overview/audit.ts';
import { approveDevice, denyDevice } from '../../../workers/people/device-flow.ts';
import { aBrowser } from '../harness/browser.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE } from '../harness/clock.ts';
import { aMachine, aPrompt, claimAndStart, complete } from '../harness/machines.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, aToken, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';

const SOURCES = import.meta.glob('../../../workers/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
}) as Record<string, string>;

const PROMPT = 'the words of a prompt that nobody else reads';
const PASSWORD = 'open sesame 42';

const operator = () => aPerson({ role: 'operator' });
const read = async (
  as: Person,
  query: { account?: string; action?: 'enqueue' | 'cancel'; limit?: number } = {},
) => (await accepts(people.listAudit, { as, query })).entries;

async function note({ userId }: Person, { at, subject }: { at: number; subject: string }): Promise<void> {
  await env.DB.prepare(
    "INSERT INTO audit_log (user_id, subject, at, action, actor, source) VALUES (?1, ?2, ?3, 'cancel', ?1, 'test')",
  )
    .bind(userId, subject, at)
    .run();
}

const countOf = ({ userId }: Person) =>
  env.DB.prepare('SELECT count(*) AS count FROM audit_log WHERE user_id = ?').bind(userId).first('count');

describe('the audit log', () => {
  it('names who did what, from where and when, for every kind of action', async () => {
    const boss = await operator();
    const owner = await aPerson({ passwordHash: hashOf(PASSWORD) });
    const machine = await aMachine({ owner });
    const { machineId } = machine;
    const email = owner.email;
    const first = await aPrompt(machine, { prompt: PROMPT });
    await accepts(cancelJob, { as: owner, params: { jobId: first }, body: { reason: 'wrong branch' } });
    await accepts(retryJob, { as: owner, params: { jobId: first }, body: {} });
    await complete(await claimAndStart(machine), {
      success: false,
      failureKind: 'policy_denied',
      error: `The policy of this machine refused the job (rule repositories): ${PROMPT}`,
    });
    await accepts(showJob, { as: boss, params: { jobId: first } });
    await (await aBrowser(owner)).post(`/inbox/${first}/dismiss`);
    await accepts(drainMachine, { as: boss, params: { machineId }, body: { draining: true } });
    advance(MINUTE);
    await accepts(drainMachine, { as: boss, params: { machineId }, body: { draining: false } });
    for (let tries = 0; tries < 10; tries += 1)
      await send(auth.deviceLogin, { body: { email, password: 'wrong' } });
    const known = { email, password: PASSWORD, device: owner.token };
    const reply = await accepts(auth.deviceLogin, { body: known });
    const again = { ...owner, token: 'token' in reply ? reply.token : '' };
    await accepts(auth.revokeToken, { as: again });
    for (const decide of [approveDevice, denyDevice]) {
      const { userCode } = await accepts(auth.startDevice, { body: {} });
      await decide(deps(), signedIn(owner), { userCode, source: 'test' });
    }
    const made = await accepts(auth.createToken, { as: owner, body: { name: 'ci', scope: 'enqueue' } });
    await accepts(auth.revokeTokenById, { as: owner, params: { tokenId: made.id } });
    const change = { current: PASSWORD, next: 'another sesame 42' };
    await accepts(auth.changePassword, { as: owner, body: change });
    const { id } = await accepts(people.makeInvitation, { as: boss, body: {} });
    await accepts(people.revokeInvitation, { as: boss, params: { invitationId: id } });
    const params = { accountId: owner.userId };
    await accepts(people.makePasswordLink, { as: boss, params, body: {} });
    await accepts(people.changeLimits, { as: boss, params, body: { limits: { ideas: 100 } } });
    await accepts(people.disableAccount, { as: boss, params, body: { reason: 'left' } });
    await accepts(people.enableAccount, { as: boss, params, body: {} });
    const name = `run-${crypto.randomUUID().slice(0, 8)}`;
    const filter = { machineId: 'nobody' };
    await accepts(admin.startBulk, { as: boss, body: { action: 'cancel', filter, name, count: 0 } });
    await accepts(admin.abortBulk, { as: boss, params: { name } });

    const entries = [
      ...(await read(boss, { account: email, limit: 100 })),
      ...(await read(boss, { account: boss.userId, limit: 100 })),
    ];
    const recorded = new Set(entries.map(({ action }) => action));
    // Their own tests look at these two.
    const elsewhere = ['stopped', 'account_created'];
    expect(AUDIT_ACTIONS.filter((action) => !recorded.has(action) && !elsewhere.includes(action))).toEqual(
      [],
    );
    for (const { at, action, actor, account, source, subject } of entries) {
      expect(Date.parse(at), action).toBeLessThanOrEqual(currentTime());
      const isUnknown = ['sign_in_failed', 'sign_in_limited'].includes(action);
      expect(actor.email, action).toBe(
        isUnknown ? undefined : [email, boss.email].find((one) => one === actor.email),
      );
      expect([email, boss.email]).toContain(account.email);
      expect(
        [source, subject, auditWords(action)].every((text) => text.length > 0),
        action,
      ).toBe(true);
    }
    expect(entries).toContainEqual(
      expect.objectContaining({ action: 'policy_denied', subject: first, detail: 'rule repositories' }),
    );
    const text = JSON.stringify(await wholeLog());
    expect(text).not.toContain(PROMPT);
    expect(text).not.toMatch(/dvt_|lnk_|dvc_/);
    expect(text).not.toContain(PASSWORD);
  });

  it('names the made token that a request used', async () => {
    const [boss, machine] = [await operator(), await aMachine()];
    const body = { name: 'ci', scope: 'enqueue' as const };
    const { id, token } = await accepts(auth.createToken, { as: machine.owner, body });
    const order = { prompt: 'Count.', machineId: machine.machineId, projectRoot: machine.projectRoot };
    await accepts(enqueueJob, { as: { ...machine.owner, token }, body: order });
    const [entry] = await read(boss, { account: machine.owner.userId, action: 'enqueue' });
    expect(entry?.source).toMatch(new RegExp(` token ${id}$`));
  });
});

describe('an entry', () => {
  it.each([
    'UPDATE audit_log SET actor = ? ',
    'UPDATE OR REPLACE audit_log SET detail = ? ',
    'DELETE FROM audit_log WHERE user_id = ?',
  ])('cannot be changed or removed: %s', async (statement) => {
    const owner = await aPerson();
    await note(owner, { at: currentTime(), subject: 'job_x' });
    const change = env.DB.prepare(
      `${statement}${statement.includes('WHERE') ? '' : 'WHERE user_id = user_id'}`,
    );
    await expect(change.bind(owner.userId).run()).rejects.toThrow('append-only');
    expect(await countOf(owner)).toBe(1);
  });

  it('cannot be replaced by another with the same key', async () => {
    const owner = await aPerson();
    await note(owner, { at: currentTime(), subject: 'job_x' });
    await env.DB.prepare(
      "INSERT OR REPLACE INTO audit_log (user_id, subject, at, action, actor, source) VALUES (?1, 'job_x', ?2, 'cancel', ?1, 'forged')",
    )
      .bind(owner.userId, currentTime())
      .run();
    const row = await env.DB.prepare('SELECT source FROM audit_log WHERE user_id = ?')
      .bind(owner.userId)
      .first();
    expect(row).toEqual({ source: 'test' });
  });

  it('is written by every statement of the server, and changed by none', () => {
    const statements = Object.entries(SOURCES);
    const changes = /\b(?:UPDATE(?: OR \w+)?|DELETE FROM|REPLACE INTO|INSERT OR REPLACE INTO)\s+audit_log\b/i;
    expect(statements.filter(([, text]) => changes.test(text)).map(([path]) => path)).toEqual([]);
    expect(statements.some(([, text]) => /INSERT OR IGNORE INTO audit_log/.test(text))).toBe(true);
  });

  it('goes after a year, two with each new one', async () => {
    const owner = await aPerson();
    await note(owner, { at: currentTime(), subject: 'newest' });
    for (const subject of ['a', 'b', 'c']) await note(owner, { at: currentTime() - 366 * DAY, subject });
    await note(owner, { at: currentTime() - 364 * DAY, subject: 'kept' });
    await note(owner, { at: currentTime() + 1, subject: 'newer' });
    await note(owner, { at: currentTime() + 2, subject: 'newer' });
    const { results } = await env.DB.prepare(
      'SELECT DISTINCT subject FROM audit_log WHERE user_id = ? ORDER BY 1',
    )
      .bind(owner.userId)
      .all<{ subject: string }>();
    expect(results.map(({ subject }) => subject)).toEqual(['kept', 'newer', 'newest']);
  });
});

describe('the list of entries', () => {
  it('of an account has its jobs between its entries, page by page, each once', async () => {
    const [boss, machine] = [await operator(), await aMachine()];
    const expected: string[] = [];
    for (let index = 0; index < 6; index += 1) {
      advance(1000);
      const jobId = await aPrompt(machine);
      advance(1000);
      if (index % 2 === 0) await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: {} });
      expected.unshift(...(index % 2 === 0 ? [`cancel ${jobId}`] : []), `enqueue ${jobId}`);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { account: machine.owner.email, limit: 2, cursor };
      const page = await accepts(people.listAudit, { as: boss, query });
      seen.push(...page.entries.map(({ action, subject }) => `${action} ${subject}`));
      cursor = page.nextCursor;
    } while (cursor !== undefined && seen.length < 50);
    expect(seen).toEqual(expected);
  });

  it('of one action skips the others, and goes on after a page without any', async () => {
    const [boss, machine] = [await operator(), await aMachine()];
    const { owner } = machine;
    const jobId = await aPrompt(machine);
    await accepts(cancelJob, { as: owner, params: { jobId }, body: {} });
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
       INSERT INTO audit_log (user_id, subject, at, action, actor, source)
       SELECT ?1, 'net' || i, ?2 + i, 'sign_in_failed', 'unknown', 'test' FROM n`,
    )
      .bind(owner.userId, currentTime())
      .run();
    const query = { account: owner.userId, action: 'cancel' as const };
    const first = await accepts(people.listAudit, { as: boss, query });
    expect(first.entries).toEqual([]);
    const second = await accepts(people.listAudit, {
      as: boss,
      query: { ...query, cursor: first.nextCursor },
    });
    expect(second.entries).toMatchObject([{ action: 'cancel', subject: jobId }]);
    expect(second.nextCursor).toBeUndefined();
  });

  it('refuses a cursor of its own making, and enqueues of all accounts', async () => {
    const as = await operator();
    for (const cursor of ['x', btoa('{}x'), btoa(encodeURIComponent('{"log":{"at":"1"}}'))])
      await refuses(people.listAudit, 'invalid_input', { as, query: { cursor } });
    await refuses(people.listAudit, 'invalid_input', { as, query: { action: 'enqueue' } });
  });

  it('is a page of the console with the same entries', async () => {
    const [boss, machine] = [await operator(), await aMachine()];
    const jobId = await aPrompt(machine);
    const reason = '<script>alert(1)</script>';
    await accepts(cancelJob, { as: machine.owner, params: { jobId }, body: { reason } });
    await aToken(machine.owner.userId);
    const browser = await aBrowser(boss);
    const { html, text } = await browser.get(`/dashboard/admin/audit?account=${machine.owner.userId}`);
    expect(text).toContain(`${machine.owner.email} cancelled a job`);
    expect(text).toContain(`${machine.owner.email} queued a job`);
    expect(html).toContain(`href="/jobs/${jobId}"`);
    expect(text).toContain(reason);
    expect(html).not.toContain(reason);
    expect((await browser.get('/dashboard/admin/audit?action=nothing')).status).toBe(400);
  });
});

async function wholeLog() {
  return (await env.DB.prepare('SELECT * FROM audit_log').all()).results;
}
