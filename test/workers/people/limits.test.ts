/** Operators see who is at a limit, and change the limits of one account. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AccountLimit } from '../../../spec/bounds.ts';
import { addIdea } from '../../../spec/contract/ideas.ts';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { changeLimits, listFullAccounts, showLimits } from '../../../spec/contract/people.ts';
import { changeLimits as change, listFullAccounts as listAccounts } from '../../../workers/people/limits.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { billOf } from '../harness/d1-meter.ts';
import { limitAccount } from '../harness/limits.ts';
import { aMachine, aPrompt, aRunningPrompt, complete, show } from '../harness/machines.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';

let operator: Person;
let browser: Browser;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
  browser = await aBrowser(operator);
});

type Limits = { [Name in AccountLimit]?: number | null };

async function set({ userId }: Person, limits: Limits, reason?: string): Promise<boolean> {
  const params = { accountId: userId };
  return (await accepts(changeLimits, { as: operator, params, body: { limits, reason } })).changed;
}

async function limitOf({ userId }: Person, name: string) {
  const { limits } = await accepts(showLimits, { as: operator, params: { accountId: userId } });
  return limits.find((limit) => limit.name === name);
}

/** The details of the entries in the audit log, oldest first. */
async function changesOf({ userId }: Person): Promise<string[]> {
  const { results } = await env.DB.prepare(
    "SELECT detail FROM audit_log WHERE user_id = ? AND action = 'change_limits' ORDER BY at",
  )
    .bind(userId)
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

describe('the limits of an account', () => {
  it('take effect when an operator changes them, end with null, and leave one entry per change', async () => {
    const person = await aPerson();
    expect(await set(person, { ideas: 0, machines: 7 }, 'abuse')).toBe(true);
    expect(await set(person, { ideas: 0, machines: 7 }, 'abuse')).toBe(false);
    await refuses(addIdea, 'limit_reached', { as: person, body: { title: 'One more' } });
    const none = { name: 'ideas', used: 0, limit: 0, default: 5000, custom: true };
    expect(await limitOf(person, 'ideas')).toEqual(none);

    expect(await set(person, { ideas: null, machines: 7 })).toBe(true);
    await accepts(addIdea, { as: person, body: { title: 'One more' } });
    expect(await limitOf(person, 'ideas')).toMatchObject({ used: 1, limit: 5000, custom: false });
    expect(await limitOf(person, 'machines')).toMatchObject({ used: 0, limit: 7, default: 100 });
    // All in the same millisecond: no entry replaces another.
    expect(await changesOf(person)).toEqual([
      'machines default → 7, ideas default → 0: abuse',
      'ideas 0 → default',
    ]);
  });

  it('stop new work when they are below the use, and neither the work nor its results', async () => {
    const { machine, ...held } = await aRunningPrompt();
    const { owner, machineId } = machine;
    expect(await set(owner, { queuedJobs: 0, machines: 0, storedBytes: 0 })).toBe(true);
    const { limits } = await accepts(showLimits, { as: operator, params: { accountId: owner.userId } });
    expect(limits.filter(({ used = 0, limit }) => used > limit).map(({ name }) => name)).toEqual([
      'queuedJobs',
      'machines',
      'storedBytes',
    ]);
    await refuses(enqueueJob, 'limit_reached', { as: owner, body: { prompt: 'More', machineId } });
    await complete({ machine, ...held });
    expect((await show(owner, held.jobId)).status).toBe('completed');
  });

  it('include what machines have linked', async () => {
    const machine = await aMachine();
    const { limits } = await accepts(showLimits, {
      as: operator,
      params: { accountId: machine.owner.userId },
    });
    const used = Object.fromEntries(limits.map((limit) => [limit.name, limit.used]));
    expect(used).toMatchObject({ machines: 1, linkedProjects: 1, ideas: 1, followStreams: undefined });
    expect(used.linkedBytes).toBeGreaterThan(50);
  });

  it('stay as they are after a bad value, an unknown name, or an order of a former operator', async () => {
    const [former, person] = [await aPerson({ role: 'operator' }), await aPerson()];
    const params = { accountId: person.userId };
    const hostile = [JSON.parse('{"__proto__": 5}'), { constructor: 5 }, { 'ideas ': 5 }, {}, [], null];
    for (const limits of [{ ideas: -1 }, { ideas: 1.5 }, { ideas: '5' }, { ideas: 1e300 }, ...hostile])
      await refusesAny(changeLimits, 'invalid_input', { as: operator, params, body: { limits } });
    const unknown = { as: operator, params, body: { limits: { jobs: 5 } } };
    const { error } = await refusesAny(changeLimits, 'invalid_input', unknown);
    expect(error).toBe('limits.jobs: is not a field of this request.');
    const nobody = { as: operator, params: { accountId: 'usr_x' }, body: { limits: { ideas: 5 } } };
    await refuses(changeLimits, 'not_found', nobody);

    await env.DB.prepare("UPDATE users SET role = 'member' WHERE id = ?").bind(former.userId).run();
    const order = { accountId: person.userId, changes: { ideas: 1 }, reason: undefined, source: 'test' };
    expect(await change(deps(), signedIn(former, 'operator'), order)).toMatchObject({
      value: { changed: false },
    });
    expect(await changesOf(person)).toEqual([]);
  });

  it('keep both changes of two operators at once, and the last of two values', async () => {
    const [other, person] = [await aPerson({ role: 'operator' }), await aPerson()];
    const params = { accountId: person.userId };
    const by = (as: Person, limits: Limits) => accepts(changeLimits, { as, params, body: { limits } });
    await Promise.all([by(operator, { ideas: 1 }), by(other, { features: 2 })]);
    expect(await limitOf(person, 'ideas')).toMatchObject({ limit: 1 });
    expect(await limitOf(person, 'features')).toMatchObject({ limit: 2 });
    await by(operator, { ideas: 3 });
    await by(other, { ideas: 4 });
    expect(await limitOf(person, 'ideas')).toMatchObject({ limit: 4 });
    expect((await changesOf(person)).slice(2)).toEqual(['ideas 1 → 3', 'ideas 3 → 4']);
  });
});

/** A cursor right before the account, because the database of the tests has many others. */
const rightBefore = ({ userId }: Person) => userId.slice(0, -1);

describe('the list of accounts near a limit', () => {
  it('has the accounts from 80 % of a limit, with these limits only', async () => {
    const [machine, calm] = [await aMachine(), await aPerson()];
    const { owner } = machine;
    for (let jobs = 0; jobs < 4; jobs += 1) await aPrompt(machine);
    await limitAccount(owner, { queuedJobs: 6 });
    const found = async (person: Person) => {
      const { accounts } = await accepts(listFullAccounts, {
        as: operator,
        query: { cursor: rightBefore(person) },
      });
      return accounts.find(({ id }) => id === person.userId);
    };
    expect(await found(calm)).toBeUndefined();
    expect(await found(owner)).toBeUndefined();
    await limitAccount(owner, { queuedJobs: 5, machines: 1 });
    expect(await found(owner)).toEqual({
      id: owner.userId,
      email: owner.email,
      limits: [
        { name: 'queuedJobs', used: 4, limit: 5, default: expect.any(Number), custom: true },
        { name: 'machines', used: 1, limit: 1, default: 100, custom: true },
      ],
    });
    const people = await browser.get(`/dashboard/admin/people?near=${rightBefore(owner)}`);
    expect(people.html).toContain(`href="/dashboard/admin/accounts/${owner.userId}"`);
    expect(people.text).toMatch(/Near a limit .*Jobs that have not ended: 4 of 5 .*Machines: 1 of 1/);
  });

  it('looks at 200 accounts at a time, in one trip, and says where to go on', async () => {
    // `!` is before all letters, so these accounts are the first.
    const others = "id LIKE 'usr!_%'";
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
       INSERT INTO users (id, email, name, role, password_hash, created_at)
       SELECT 'usr!_' || i, 'u' || i || '@limits.test', 'U', 'member', '', 0 FROM n`,
    ).run();
    try {
      const { value, ...bill } = await billOf(() => listAccounts(deps(), {}));
      expect(value).toEqual({ accounts: [], nextCursor: 'usr!_299' });
      expect(bill).toMatchObject({ trips: 1, written: 0 });
      expect(bill.read).toBeLessThan(900);
      const { text } = await browser.get('/dashboard/admin/people');
      expect(text).toMatch(/No account on this page uses 80 % or more of a limit\. More accounts/);
    } finally {
      await env.DB.batch([
        env.DB.prepare(`DELETE FROM account_usage WHERE ${others.replace('id', 'user_id')}`),
        env.DB.prepare(`DELETE FROM users WHERE ${others}`),
      ]);
    }
  });
});

describe('the page of an account', () => {
  const pageOf = ({ userId }: Person) => `/dashboard/admin/accounts/${userId}`;

  /** The fields of the form, as the page has filled them. */
  async function fieldsOf(person: Person): Promise<Record<string, string>> {
    const { html } = await browser.get(pageOf(person));
    const form = html.split('/limits"')[1]?.split('</form>')[0] ?? '';
    const inputs = [...form.matchAll(/<input [^>]*>/g)].map(([input]) => input);
    return Object.fromEntries(
      inputs.map((input) => [
        / name="([^"]+)"/.exec(input)?.[1] ?? '',
        / value="([^"]*)"/.exec(input)?.[1] ?? '',
      ]),
    );
  }

  it('shows the use and the limits in two trips to D1, and changes the edited ones', async () => {
    const person = await aPerson();
    await limitAccount(person, { ideas: 3, features: 9 });
    const { value, ...bill } = await billOf(() => browser.get(pageOf(person)));
    expect(value.text).toMatch(/Ideas ideas 0 of 3 .*Open streams followStreams at most 100/);
    expect(bill.written).toBe(0);
    // The sign-in is the third.
    expect(bill.trips).toBeLessThanOrEqual(3);

    const fields = await fieldsOf(person);
    expect(fields).toMatchObject({ ideas: '3', features: '9', machines: '', 'seen.ideas': '3' });
    const edited = { ...fields, ideas: '', machines: '1,200', reason: 'Grows' };
    const changed = await browser.postAndFollow(`${pageOf(person)}/limits`, edited);
    expect(changed.text).toMatch(/The limits of the account are changed\. .*Ideas ideas 0 of 5,000/);
    expect(await changesOf(person)).toEqual(['machines default → 1200, ideas 3 → default: Grows']);
    const same = { ...(await fieldsOf(person)), machines: '1,200' };
    const again = await browser.postAndFollow(`${pageOf(person)}/limits`, same);
    expect(again.text).toContain('You edited no limit, so nothing was changed.');
  });

  it('overwrites no change that another operator has made meanwhile', async () => {
    const person = await aPerson();
    const fields = await fieldsOf(person);
    await limitAccount(person, { ideas: 3, features: 9 });
    const stale = { ...fields, ideas: '50', machines: '1' };
    const refused = await browser.post(`${pageOf(person)}/limits`, stale);
    expect([refused.status, refused.text]).toEqual([
      409,
      expect.stringMatching(/another operator has changed these limits .* 0 of 3 /),
    ]);
    // The edited field keeps what was typed; the other one has the new limit.
    expect(refused.html).toMatch(/name="ideas" [^>]*value="50"/);
    expect(refused.html).toMatch(/name="features" [^>]*value="9"/);
    expect(await limitOf(person, 'machines')).toMatchObject({ limit: 100 });
    await browser.postAndFollow(`${pageOf(person)}/limits`, { ...fields, machines: '1' });
    expect(await limitOf(person, 'ideas')).toMatchObject({ limit: 3 });
    expect(await limitOf(person, 'machines')).toMatchObject({ limit: 1 });
  });

  it.each([
    ['-1', 'limits.ideas: must be at least 0.'],
    ['1.5', 'limits.ideas: must be a whole number.'],
    ['NaN', 'limits.ideas: must be a number.'],
    ['<b>', 'limits.ideas: must be a number.'],
    ['9'.repeat(24), 'limits.ideas: must be'],
  ])('explains why it does not accept %s, and keeps what was typed', async (ideas, sentence) => {
    const person = await aPerson();
    const refused = await browser.post(`${pageOf(person)}/limits`, { ideas, reason: 'why' });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(sentence)]);
    expect(refused.html).toContain(`value="${ideas.replace('<', '&lt;').replace('>', '&gt;')}"`);
    expect(refused.html).toMatch(/name="reason" [^>]*value="why"/);
    expect(await changesOf(person)).toEqual([]);
  });
});
