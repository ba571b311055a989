/** Bulk orders in the console: the count first, then a run under a name, its progress, its steps and its end. */

import { beforeAll, describe, expect, it } from 'vitest';
import { STEP_JOBS } from '../../../workers/overview/bulk.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { advance, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, type Machine, show } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const BULK = '/dashboard/admin/bulk';

let browser: Browser;
beforeAll(async () => {
  browser = await aBrowser(await aPerson({ role: 'operator' }));
});

async function withQueue(howMany: number): Promise<{ machine: Machine; jobs: string[]; query: string }> {
  const machine = await aMachine();
  const jobs = await Promise.all(Array.from({ length: howMany }, () => aPrompt(machine)));
  advance(SECOND);
  const query = new URLSearchParams({ action: 'cancel', account: machine.owner.email }).toString();
  return { machine, jobs, query };
}

/** The hidden and visible values of the form that starts a run. */
function formOf(html: string): Record<string, string> {
  const form = /<form method="post" action="\/dashboard\/admin\/bulk"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
  const values: Record<string, string> = {};
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1] ?? '';
    values[name] = /value="([^"]*)"/.exec(tag)?.[1] ?? '';
  }
  return values;
}

describe('a bulk order', () => {
  it('counts first and starts nothing, then runs under its name to the end', async () => {
    const { machine, jobs, query } = await withQueue(STEP_JOBS + 2);
    const { value: counted, written } = await billOf(() => browser.get(`${BULK}?${query}`));
    expect([counted.text, written]).toEqual([expect.stringContaining('22 jobs would be cancelled'), 0]);
    const name = `storm-${crypto.randomUUID()}`;
    const form = { ...formOf(counted.html), name, reason: 'Wrong prompt.' };
    const sent = await browser.post(BULK, form);
    expect([sent.status, sent.location]).toEqual([303, `${BULK}/${name}`]);
    const path = sent.location ?? '';
    const begun = await browser.get(path);
    expect(begun.text).toContain(`running ${STEP_JOBS} of 22 jobs cancelled`);
    expect(begun.html).toMatch(/data-region="progress" role="status"/);
    expect(begun.html).toContain('data-live-seconds="2"');
    await browser.postAndFollow(`${path}/advance`);
    const ended = await browser.postAndFollow(`${path}/advance`);
    expect(ended.text).toContain('completed 22 of 22 jobs cancelled');
    expect(ended.html).not.toContain('data-drive');
    expect((await show(machine.owner, jobs[0] ?? '')).cancel?.reason).toBe('Wrong prompt.');
    expect((await browser.get(BULK)).text).toContain(
      `${name} Cancel all jobs where account is ${machine.owner.email}`,
    );
  });

  it('is aborted: what it ordered stays, the rest is left alone', async () => {
    const { machine, jobs, query } = await withQueue(STEP_JOBS + 3);
    const form = formOf((await browser.get(`${BULK}?${query}`)).html);
    const name = `half-${crypto.randomUUID()}`;
    const { location } = await browser.post(BULK, { ...form, name });
    expect((await browser.postAndFollow(`${location}/abort`)).text).toMatch(/Aborted\. .* aborted 20 of 23/);
    expect((await browser.postAndFollow(`${location}/abort`)).text).toContain('The run had already ended.');
    await browser.post(`${location}/advance`);
    const statuses = await Promise.all(jobs.map(async (id) => (await show(machine.owner, id)).status));
    expect(statuses.filter((status) => status === 'queued')).toHaveLength(3);
  });

  it('is refused when more jobs match than the person saw, and keeps what was typed', async () => {
    const { machine, query } = await withQueue(2);
    const form = formOf((await browser.get(`${BULK}?${query}`)).html);
    await aPrompt(machine);
    advance(SECOND);
    const name = `late-${crypto.randomUUID()}`;
    const refused = await browser.post(BULK, { ...form, name, reason: 'Typed "once".' });
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('matches 3 jobs now')]);
    expect(formOf(refused.html)).toMatchObject({ count: '3', name, reason: 'Typed &quot;once&quot;.' });
    expect((await browser.get(`${BULK}/${name}`)).status).toBe(404);
  });

  it.each([
    ['action=cancel&status=failed', 400, 'filter.status: jobs that are failed cannot be ordered to cancel.'],
    ['action=delete', 400, 'action:'],
    ['action=cancel&kind=%3Cscript%3E', 400, 'filter.kind:'],
    ['action=requeue&account=%22%3E%3Cscript%3Ealert(1)%3C/script%3E', 200, '0 jobs would be requeued'],
    ['', 200, 'Choose what to do'],
  ])('with %j is answered with %i and a sentence', async (query, status, sentence) => {
    const shown = await browser.get(`${BULK}?${query}`);
    expect([shown.status, shown.text]).toEqual([status, expect.stringContaining(sentence)]);
    expect(shown.html).not.toMatch(/<script>|name="count"/);
  });

  it.each([
    [{ name: '../x' }, 400],
    [{ name: '' }, 400],
    [{ count: 'many' }, 400],
    [{ action: 'delete' }, 400],
  ])('with %j in its form starts nothing', async (change, status) => {
    const { machine, jobs, query } = await withQueue(1);
    const form = formOf((await browser.get(`${BULK}?${query}`)).html);
    expect((await browser.post(BULK, { ...form, ...change })).status).toBe(status);
    expect((await show(machine.owner, jobs[0] ?? '')).status).toBe('queued');
  });

  it('is for operators: a member reads, starts and ends nothing', async () => {
    const { machine, query } = await withQueue(1);
    const form = {
      ...formOf((await browser.get(`${BULK}?${query}`)).html),
      name: `no-${crypto.randomUUID()}`,
    };
    const member = await aBrowser(machine.owner);
    for (const path of [BULK, `${BULK}/any`]) expect((await member.get(path)).status, path).toBe(403);
    for (const path of [BULK, `${BULK}/any/advance`, `${BULK}/any/abort`])
      expect((await member.post(path, form)).status, path).toBe(403);
    expect((await browser.get(`${BULK}/${form.name}`)).status).toBe(404);
  });
});
