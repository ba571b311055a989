/** The console of operators: who may open it, its alerts, machines and jobs with their filters, and their orders. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { listMachines } from '../../../spec/contract/admin.ts';
import { getMe } from '../../../spec/contract/auth.ts';
import { heartbeat } from '../../../spec/contract/runner.ts';
import { LEASE_MS } from '../../../spec/job/lease.ts';
import { OFFLINE_AFTER_MS } from '../../../spec/job/waiting.ts';
import { PLAYBOOK } from '../../../spec/overview/alerts.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, DAY, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, aRunningPrompt, claimAndStart, complete, show } from '../harness/machines.ts';
import { fireAlarm } from '../harness/objects.ts';
import { aPerson, type Person } from '../harness/people.ts';

const CONSOLE = '/dashboard/admin/runners';

let operator: Person;
let browser: Browser;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
  browser = await aBrowser(operator);
});

const pagesOf = ({ machineId }: Machine) => [
  CONSOLE,
  `${CONSOLE}/${machineId}`,
  '/dashboard/admin/alerts',
  '/dashboard/admin/jobs',
  '/dashboard/admin/accounts/usr_x',
];

/** The part of the page that renews itself under this name. */
function region(html: string, name: string): string {
  return html.split(`data-region="${name}"`)[1]?.split('</section>')[0] ?? '';
}

async function addEndedJobs({ userId }: Person, count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, prompt)
     SELECT ?1, 'job_z' || printf('%06d', i), 'session.prompt', 'completed', ?2, ?2, ?2, ?2, ?2, 'hold', 3, 'primary', 'Other.' FROM n`,
  )
    .bind(userId, currentTime(), count)
    .run();
}

describe('the console', () => {
  it('is for operators: a member gets 403 and orders nothing', async () => {
    const held = await aRunningPrompt();
    const { machineId, owner } = held.machine;
    const member = await aBrowser(owner);
    expect((await member.get('/inbox')).html).not.toContain(CONSOLE);
    for (const path of pagesOf(held.machine)) {
      const shown = await member.get(path);
      expect([shown.status, shown.headers.get('content-type')], path).toEqual([
        403,
        'text/html; charset=UTF-8',
      ]);
      expect(shown.text).toContain('This page is for operators');
      expect(shown.html).not.toContain('href="/dashboard/admin');
    }
    const orders = [
      `/dashboard/admin/machines/${machineId}/drain`,
      `/dashboard/admin/jobs/${held.jobId}/order`,
      `/dashboard/admin/accounts/${owner.userId}/devices/x/revoke`,
    ];
    for (const path of orders) expect((await member.post(path, { order: 'cancel' })).status, path).toBe(403);
    expect((await show(owner, held.jobId)).status).toBe('running');
  });

  it('is small, asks D1 a few times, and writes nothing, with more machines and alerts than it shows', async () => {
    const [owner] = [await aPerson()];
    for (let at = 0; at < 15; at += 1) {
      const machine = await aMachine({ owner });
      await aPrompt(machine, { machineId: machine.machineId, prompt: `Prompt ${'with words '.repeat(40)}` });
    }
    advance(OFFLINE_AFTER_MS);
    await browser.get(CONSOLE);
    const { html: login } = await browser.get('/login');
    let shared = 0;
    for (const [, path = ''] of login.matchAll(/"(\/assets\/[^"]+)"/g))
      shared += (await browser.get(path)).html.length;
    const { machines } = await accepts(listMachines, { as: operator, query: { account: owner.email } });
    const paths = [
      CONSOLE,
      `${CONSOLE}/${machines[0]?.id}`,
      '/dashboard/admin/alerts',
      '/dashboard/admin/jobs',
    ];
    for (const path of paths) {
      const { value, ...bill } = await billOf(() => browser.get(path));
      expect(value.status, path).toBe(200);
      expect(value.html, path).not.toMatch(/<style|\sstyle=|\son\w+=|<script>/);
      expect(new TextEncoder().encode(value.html).length + shared, path).toBeLessThan(60_000);
      expect(bill.written, path).toBe(0);
      expect(bill.trips, path).toBeLessThanOrEqual(5);
    }
  });

  it('reads as many rows with a long history as without', async () => {
    const { owner, machineId } = await aMachine();
    const paths = [`${CONSOLE}?account=${owner.email}`, `${CONSOLE}/${machineId}`];
    const rowsOf = async () => {
      const bills = [];
      for (const path of paths) bills.push((await billOf(() => browser.get(path))).read);
      return bills;
    };
    await rowsOf();
    const before = await rowsOf();
    await addEndedJobs(owner, 1500);
    // The last results of a machine are looked for among the newest 20 jobs of its account.
    for (const [at, read] of (await rowsOf()).entries()) expect(read).toBeLessThan((before[at] ?? 0) + 100);
  });

  it('says calmly that there is no alert, else what each means and what to do, with a link', async () => {
    const held = await aRunningPrompt();
    advance(LEASE_MS);
    await fireAlarm(held.machine);
    const { html, text } = await browser.get('/dashboard/admin/alerts');
    expect(text).toContain(PLAYBOOK.lost_job.meaning);
    expect(text).toContain(PLAYBOOK.lost_job.next);
    expect(html).toContain(`<a href="/jobs/${held.jobId}">`);
    expect(html).toContain(`href="${CONSOLE}/${held.machine.machineId}"`);
    await browser.postAndFollow(`/dashboard/admin/jobs/${held.jobId}/order`, { order: 'cancel' });
    expect((await browser.get('/dashboard/admin/alerts')).text).not.toContain(held.jobId);
    await env.DB.prepare("DELETE FROM jobs WHERE status <> 'completed'").run();
    await env.DB.prepare("UPDATE machines SET app_version = '0.5.0', report = NULL").run();
    expect((await browser.get(CONSOLE)).text).toContain('All is well: no alert.');
  });
});

describe('the machines', () => {
  it('are filtered by the URL with the names of the API, and paged', async () => {
    const owner = await aPerson();
    for (let at = 0; at < 14; at += 1) await aMachine({ owner });
    const odd = await aMachine({ owner });
    await env.DB.prepare("UPDATE machines SET name = 'odd one', platform = 'plan9' WHERE id = ?")
      .bind(odd.machineId)
      .run();
    const rows = (html: string) => region(html, 'machines').match(/data-row/g)?.length ?? 0;
    const first = await browser.get(`${CONSOLE}?account=${owner.email}`);
    expect(rows(first.html)).toBe(12);
    const next =
      /href="([^"]*cursor=[^"]*)" rel="next"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toContain(`account=${encodeURIComponent(owner.email)}`);
    expect(rows((await browser.get(next)).html)).toBe(3);
    for (const filter of ['q=odd+one', 'platform=plan9', `q=${odd.machineId}`]) {
      const { html, text } = await browser.get(`${CONSOLE}?account=${owner.email}&${filter}`);
      expect([rows(html), text.includes('odd one')], filter).toEqual([1, true]);
    }
    expect((await browser.get(`${CONSOLE}?account=${owner.email}&state=silent`)).text).toContain(
      'No machine matches',
    );
    const wrong = await browser.get(`${CONSOLE}?state=sleeping`);
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('state:')]);
  });

  it('show hostile names and filters as text', async () => {
    const machine = await aMachine();
    const machineName = '<script>alert(1)</script>\u202egnp\u0007';
    const more = { machineName, platform: '"><img src=x onerror=alert(1)>' };
    await env.DB.prepare('UPDATE machines SET name = ?, platform = ? WHERE id = ?')
      .bind(more.machineName, more.platform, machine.machineId)
      .run();
    const hostile = encodeURIComponent('"><script>alert(2)</script>');
    const paths = [
      `${CONSOLE}?account=${machine.owner.email}`,
      `${CONSOLE}/${machine.machineId}`,
      `${CONSOLE}?q=${hostile}&version=${hostile}&account=${hostile}&state=${hostile}`,
      `/dashboard/admin/jobs?account=${hostile}&status=${hostile}&kind=${hostile}`,
    ];
    for (const path of paths) {
      const { html } = await browser.get(path);
      expect(html, path).not.toMatch(/<script>|<img src=x|\u202e/);
    }
    expect((await browser.get(paths[1] ?? '')).text).toContain('<script>alert(1)</script>⟨U+202E⟩gnp␇');
    // Other tests search for such names.
    await env.DB.prepare("UPDATE machines SET name = 'workbench', platform = 'linux' WHERE id = ?")
      .bind(machine.machineId)
      .run();
  });

  it('show what a machine holds, what waits for it, its spool and how it drives its agent', async () => {
    const { machine, jobId } = await aRunningPrompt();
    const waiting = await aPrompt(machine, { machineId: machine.machineId });
    const said = {
      spool: { leases: 2, bytes: 1_200_000, oldestAt: new Date(currentTime()).toISOString() },
      agent: { way: 'shared_server', version: '0.150.0' },
    };
    const body = { machineId: machine.machineId, machineName: 'workbench', ...said };
    await accepts(heartbeat, { as: machine.owner, body });
    const list = await browser.get(`${CONSOLE}?account=${machine.owner.email}`);
    expect(list.text).toMatch(
      /workbench .* online .*orp 0\.4\.4 linux, shared agent server .*running.*1 queued/,
    );
    expect(list.text).toContain('2 results, 1.2 MB');
    expect(list.html).toContain(`<a href="/jobs/${jobId}">running</a>`);
    const one = await browser.get(`${CONSOLE}/${machine.machineId}`);
    for (const id of [jobId, waiting]) expect(one.html).toContain(`href="/jobs/${id}"`);
    expect((await browser.get(`${CONSOLE}/none`)).status).toBe(404);
  });

  it('are drained and resumed, and devices of their accounts are revoked', async () => {
    const machine = await aMachine();
    const back = `${CONSOLE}/${machine.machineId}`;
    const path = `/dashboard/admin/machines/${machine.machineId}`;
    const drained = await browser.postAndFollow(`${path}/drain`, { back, reason: 'Too hot' });
    expect(drained.text).toMatch(/workbench is draining: .* Resume .* draining/);
    const resumed = await browser.postAndFollow(`${path}/resume`, { back });
    expect(resumed.text).toMatch(/workbench claims jobs again\. .* Drain the machine .* online/);
    const revoke = /action="([^"]*\/revoke)"/.exec(resumed.html)?.[1] ?? '';
    expect(revoke).toContain(`/accounts/${machine.owner.userId}/devices/`);
    expect((await browser.postAndFollow(revoke)).text).toMatch(/The device is signed out\. .*revoked/);
    expect((await send(getMe, { as: machine.owner })).status).toBe(401);
    expect((await browser.get(back)).text).toContain('No device is, or was, signed in');
  });
});

describe('the jobs of all accounts', () => {
  it('are listed by status, account, kind and machine', async () => {
    const machine = await aMachine();
    const done = await aPrompt(machine, { prompt: 'Count buoys.' });
    await complete(await claimAndStart(machine));
    advance(SECOND);
    const failed = await aPrompt(machine, { prompt: 'Count wrecks.' });
    await complete(await claimAndStart(machine), { success: false, error: 'No boat.' });
    advance(SECOND);
    const queued = await aPrompt(machine, { prompt: 'Count ships.' });
    const { email } = machine.owner;
    const list = (filter: string) => browser.get(`/dashboard/admin/jobs?${filter}`);
    const ids = async (filter: string) =>
      [...(await list(filter)).html.matchAll(/row-link" href="\/jobs\/([^"]+)"/g)].map(([, id]) => id);
    expect(await ids(`account=${email}`)).toEqual([queued]);
    expect(await ids(`account=${email}&status=failed`)).toEqual([failed]);
    expect(await ids(`account=${machine.owner.userId}&status=completed`)).toEqual([done]);
    expect(await ids(`account=${email}&status=queued,failed,completed`)).toEqual([queued, failed, done]);
    expect(await ids(`machineId=${machine.machineId}&status=failed`)).toEqual([failed]);
    expect(await ids(`account=${email}&kind=idea.checkpoint`)).toEqual([]);
    expect(await ids('status=queued')).toContain(queued);
    expect((await list(`status=${'x'.repeat(50)}`)).text).toContain('status: there is no status');
    expect((await list(`account=${email}`)).text).toContain('claims the job');
  });

  it('that have ended are listed over all accounts for a day, and over one account for longer', async () => {
    await env.DB.prepare("DELETE FROM jobs WHERE id LIKE 'job_z%'").run();
    const machines = [await aMachine(), await aMachine()];
    const done: string[] = [];
    for (const machine of machines) {
      done.unshift(await aPrompt(machine));
      await complete(await claimAndStart(machine));
      advance(SECOND);
    }
    const ids = async (filter: string) => {
      const { html } = await browser.get(`/dashboard/admin/jobs?${filter}`);
      return [...html.matchAll(/row-link" href="\/jobs\/([^"]+)"/g)].map(([, id]) => id);
    };
    expect((await ids('status=completed')).filter((id) => done.includes(id ?? ''))).toEqual(done);
    expect((await browser.get('/dashboard/admin/jobs?status=completed')).text).toContain(
      'Completed and cancelled jobs of the last 24 hours.',
    );
    advance(DAY);
    const email = machines[0]?.owner.email;
    expect(await ids('status=completed,cancelled')).not.toContain(done[1]);
    expect(await ids(`status=completed&account=${email}`)).toEqual([done[1]]);
  });

  it('that have ended are read in a bounded number, however many there are', async () => {
    const { owner } = await aMachine();
    await addEndedJobs(owner, 1500);
    const { value, ...bill } = await billOf(() => browser.get('/dashboard/admin/jobs?status=completed'));
    expect(value.text).toContain('Other.');
    expect(bill.read).toBeLessThan(1500);
  });

  it('are paged from the newest to the oldest', async () => {
    const machine = await aMachine();
    const jobs: string[] = [];
    for (let at = 0; at < 17; at += 1) {
      jobs.unshift(await aPrompt(machine));
      advance(SECOND);
    }
    const found: string[] = [];
    let path = `/dashboard/admin/jobs?account=${machine.owner.email}`;
    for (let pages = 0; path !== '' && pages < 3; pages += 1) {
      const { html } = await browser.get(path);
      found.push(...[...html.matchAll(/row-link" href="\/jobs\/([^"]+)"/g)].map(([, id]) => id ?? ''));
      path = /href="([^"]*cursor=[^"]*)" rel="next"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    }
    expect(found).toEqual(jobs);
  });

  it('read a bounded number of rows, whatever the history', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const path = `/dashboard/admin/jobs?account=${machine.owner.email}`;
    await browser.get(path);
    const before = await billOf(() => browser.get(path));
    await addEndedJobs(machine.owner, 1500);
    const after = await billOf(() => browser.get(path));
    expect(after.read).toBeLessThanOrEqual(before.read);
    const ended = await billOf(() => browser.get(`${path}&status=completed`));
    expect(ended.read).toBeLessThan(4500);
    expect(ended.value.text).toContain('Other.');
  });

  it('are cancelled and requeued one by one, and the list stays where it was', async () => {
    const held = await aRunningPrompt();
    const back = `/dashboard/admin/jobs?account=${encodeURIComponent(held.machine.owner.email)}`;
    const path = `/dashboard/admin/jobs/${held.jobId}/order`;
    const sent = await browser.post(path, { order: 'requeue', attempt: '1', back });
    expect([sent.status, sent.location]).toEqual([303, back]);
    expect((await browser.get(back)).text).toMatch(/Queued job \S+ again\. .*may run twice.* queued/);
    await browser.postAndFollow(path, { order: 'cancel', back });
    expect((await show(held.machine.owner, held.jobId)).cancel?.by).toBe(operator.email);
    const wrong = await browser.postAndFollow(path, { order: 'delete', back });
    expect(wrong.text).toContain('order: must be cancel or requeue.');
    const away = await browser.post(path, { order: 'cancel', back: 'https://evil.test/' });
    expect(away.location).toBe(CONSOLE);
  });
});
