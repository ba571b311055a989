/** The operator console. */

import { describe, expect, it } from 'vitest';
import { getMe } from '../../../spec/contract/auth.ts';
import { STEP_JOBS } from '../../../workers/overview/bulk.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { send } from '../harness/call.ts';
import { advance, MINUTE } from '../harness/clock.ts';
import { aMachine, aPrompt, aRunningPrompt, show } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { aPerson } from '../harness/people.ts';

const CONSOLE = '/dashboard/admin/runners';
const BULK = '/dashboard/admin/bulk';
const PAGES = [CONSOLE, '/dashboard/admin/charts', BULK, '/dashboard/admin/accounts/usr_x'];

const anOperator = async () => aBrowser(await aPerson({ role: 'operator' }));

describe('the console', () => {
  it('is closed to members, pages and forms alike, and shows them no link', async () => {
    const { machineId } = await aMachine();
    const member = await aBrowser(await aPerson());
    expect((await member.get('/inbox')).html).not.toContain(CONSOLE);
    for (const path of PAGES) {
      const shown = await member.get(path);
      expect(shown.status, path).toBe(403);
      expect(shown.text, path).toContain('This page is for operators');
    }
    const forms = [
      `/dashboard/admin/machines/${machineId}/drain`,
      BULK,
      `${BULK}/x/abort`,
      `${BULK}/x/advance`,
    ];
    for (const path of [...forms, '/dashboard/admin/accounts/usr_x/devices/00/revoke']) {
      expect((await member.post(path)).status, path).toBe(403);
    }
  });

  it('shows machines of all accounts, and its filter is the URL', async () => {
    const machine = await aMachine();
    await aMachine();
    const operator = await anOperator();
    const { text } = await operator.get(`${CONSOLE}?q=${machine.machineId}`);
    expect(text).toMatch(new RegExp(`workbench ${machine.owner.email} .*online 0\\.4\\.4 on linux`));
    expect(text.split('workbench').length).toBe(2);
    expect((await operator.get(`${CONSOLE}?state=silent&q=nobody`)).text).toContain('No machine matches');
    expect((await operator.get(`${CONSOLE}?state=sleeping`)).text).toContain('state: must be one of');
  });

  it('shows an alert while its condition is true, with its meaning and the next step', async () => {
    const held = await aRunningPrompt();
    const operator = await anOperator();
    const lost = `Job ${held.jobId} is lost`;
    expect((await operator.get(CONSOLE)).text).not.toContain(lost);
    advance(3 * MINUTE);
    await fireCron();
    const { text, html } = await operator.get(CONSOLE);
    expect(text).toMatch(new RegExp(`lost job ${lost}.*Ask the owner to wake the machine`));
    expect(html).toContain(`href="/jobs/${held.jobId}"`);
    await operator.postAndFollow(`/jobs/${held.jobId}/cancel`, { back: CONSOLE });
    expect((await operator.get(CONSOLE)).text).not.toContain(lost);
  });

  it('drains and resumes a machine, and returns to the filtered list', async () => {
    const { machineId } = await aMachine();
    const operator = await anOperator();
    const back = `${CONSOLE}?q=${machineId}`;
    const path = `/dashboard/admin/machines/${machineId}`;
    const drained = await operator.postAndFollow(`${path}/drain`, { back, reason: 'Repair' });
    expect(drained.text).toMatch(/workbench is draining: .*workbench .*draining .*Resume/);
    const resumed = await operator.postAndFollow(`${path}/resume`, { back });
    expect(resumed.text).toMatch(/workbench claims jobs again\. .*online .*Drain the machine/);
  });

  it('revokes a device of any account', async () => {
    const owner = await aPerson();
    const operator = await anOperator();
    const path = `/dashboard/admin/accounts/${owner.userId}`;
    const { html } = await operator.get(path);
    const form = new RegExp(`action="(${path}/devices/[0-9a-f]+/revoke)"`).exec(html)?.[1] ?? '';
    expect((await operator.postAndFollow(form)).text).toMatch(/The device is signed out\. .*revoked/);
    expect((await send(getMe, { as: owner })).status).toBe(401);
  });

  it('shows charts, also before a minute is recorded', async () => {
    const operator = await anOperator();
    advance(3 * MINUTE);
    await fireCron();
    const { text } = await operator.get('/dashboard/admin/charts?span=hour');
    expect(text).toMatch(/Jobs that have not ended .*Jobs that ended .*From due to claimed .*Run time/);
    expect((await operator.get('/dashboard/admin/charts?span=week')).status).toBe(200);
  });
});

describe('a bulk order', () => {
  async function count(operator: Browser, filter: Record<string, string>) {
    const { html, text } = await operator.get(`${BULK}?${new URLSearchParams(filter)}`);
    const form = /<form method="post"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
    const hidden = [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
    return { text, form: Object.fromEntries(hidden.map(([, name, value]) => [name, value ?? ''])) };
  }

  it('counts first, then cancels all jobs that match under a name, in steps', async () => {
    const machine = await aMachine();
    const jobIds: string[] = [];
    for (let at = 0; at <= STEP_JOBS; at += 1) jobIds.push(await aPrompt(machine));
    advance(1);
    const other = await aMachine();
    const kept = await aPrompt(other);
    const operator = await anOperator();
    const { text, form } = await count(operator, { action: 'cancel', account: machine.owner.email });
    expect(text).toContain(`Cancel ${STEP_JOBS + 1} jobs`);
    const started = await operator.postAndFollow(BULK, { ...form, name: 'stop-it', reason: 'Wrong prompt' });
    expect(started.text).toMatch(/running .*Ordered 20 of 21/);
    const done = await operator.postAndFollow(`${BULK}/stop-it/advance`);
    expect(done.text).toContain('Ordered 21 of 21');
    for (const jobId of jobIds) expect((await show(machine.owner, jobId)).status).toBe('cancelled');
    expect((await show(other.owner, kept)).status).toBe('queued');
    expect((await operator.get(BULK)).text).toContain('stop-it cancel');
  });

  it('is aborted, and says what is wrong with a name or a filter', async () => {
    const machine = await aMachine();
    for (let at = 0; at <= STEP_JOBS; at += 1) await aPrompt(machine);
    advance(1);
    const operator = await anOperator();
    const { form } = await count(operator, { action: 'cancel', account: machine.owner.email });
    const wrong = await operator.post(BULK, { ...form, name: 'two words' });
    expect([wrong.status, wrong.text]).toEqual([
      400,
      expect.stringContaining('name: must be 1 to 64 letters'),
    ]);
    await operator.postAndFollow(BULK, { ...form, name: 'half' });
    expect((await operator.postAndFollow(`${BULK}/half/abort`)).text).toMatch(
      /Aborted\. .*aborted .*Ordered 20 of 21/,
    );
    const { text } = await count(operator, { action: 'requeue', status: 'completed' });
    expect(text).toContain('filter.status: jobs that are completed cannot be ordered to requeue.');
  });
});
