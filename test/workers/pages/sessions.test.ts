/** Sending a prompt, and a session as a conversation. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { listJobs } from '../../../spec/contract/jobs.ts';
import { heartbeat, syncMachine } from '../../../spec/contract/runner.ts';
import { SCANS } from '../../../workers/store/conversations.ts';
import { aBrowser, type Browser } from '../harness/browser.ts';
import { accepts, send } from '../harness/call.ts';
import { advance, currentTime, HOUR, MINUTE, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import {
  aMachine,
  aPrompt,
  claimAndStart,
  complete,
  type Machine,
  show,
  sync,
  syncBody,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

async function atSession(): Promise<{ machine: Machine; browser: Browser; path: string }> {
  const machine = await aMachine();
  return { machine, browser: await aBrowser(machine.owner), path: `/sessions/codex-${machine.machineId}` };
}

/** What the form of the page sends when nothing is changed. */
function formOf(html: string): Record<string, string> {
  const values: Record<string, string> = {};
  const form = /<form[^>]*\/prompts"[\s\S]*?<\/form>/.exec(html)?.[0] ?? '';
  for (const [, name = '', value = ''] of form.matchAll(
    /<input type="hidden" name="(\w+)" value="([^"]*)"/g,
  )) {
    values[name] = value;
  }
  for (const [, name = '', options = ''] of form.matchAll(
    /<select[^>]*name="(\w+)"[^>]*>([\s\S]*?)<\/select>/g,
  )) {
    values[name] = /value="([^"]*)" selected/.exec(options)?.[1] ?? '';
  }
  return values;
}

describe('the list of sessions', () => {
  it('says of each session whether a prompt could run now, and why not', async () => {
    const { machine, browser, path } = await atSession();
    const ready = await browser.get('/send');
    expect(ready.text).toMatch(/orp-main ready Policy: not reported workbench/);
    expect(ready.html).toContain(`href="${path}"`);
    await aPrompt(machine);
    const { jobId } = await claimAndStart(machine);
    const busy = await browser.get('/send');
    expect(busy.text).toMatch(/Session orp-main is busy with job .* busy Policy: not reported workbench/);
    expect(busy.html).toContain(`<a href="/jobs/${jobId}">${jobId}</a>`);
  });

  it('shows the verdict of the policy that the machine has reported, and says when none is reported', async () => {
    const { machine, browser, path } = await atSession();
    const session = { orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` };
    expect((await browser.get('/send')).text).toMatch(/orp-main ready Policy: not reported workbench/);
    expect((await browser.get(path)).text).toContain(
      'workbench has not reported whether its policy allows it.',
    );
    await sync(machine, [{ ...session, policy: { outcome: 'allow' } }]);
    expect((await browser.get('/send')).text).toMatch(/ready Policy: allowed workbench/);
    expect((await browser.get(path)).text).toContain(
      'The policy of workbench allows prompts in this session.',
    );
    await sync(machine, [{ ...session, policy: { outcome: 'deny', rule: 'sessions' } }]);
    const refused =
      'workbench will refuse it, because its policy allows no jobs in this session (rule sessions).';
    expect((await browser.get('/send')).text).toMatch(/Policy: refused workbench/);
    expect((await browser.get(path)).text).toContain(refused);
    const jobId = await aPrompt(machine);
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({ code: 'next_poll', note: refused });
    // A rule of a newer runner.
    await sync(machine, [{ ...session, policy: { outcome: 'ask', rule: 'moon_phase' } }]);
    expect((await show(machine.owner, jobId)).waiting?.note).toContain(
      'is asked before each job starts (rule moon_phase)',
    );
    expect((await browser.get(path)).text).toContain('A person at workbench is asked');
  });

  it('shows when a session was last used, which a sync does not store', async () => {
    const { machine, browser } = await atSession();
    advance(2 * HOUR);
    await aPrompt(machine);
    await complete(await claimAndStart(machine));
    advance(3 * MINUTE);
    expect((await browser.get('/send')).text).toMatch(/workbench 3 min ago/);
  });

  it('refuses a verdict with words in it, so that no contents of a policy are stored', async () => {
    const { machine } = await atSession();
    const session = {
      orpSessionId: 'orp-main',
      policy: { outcome: 'deny', rule: 'no <b>prompts</b>' },
    } as const;
    const { status } = await send(syncMachine, { as: machine.owner, body: syncBody(machine, [session]) });
    expect(status).toBe(400);
  });

  it('shows that a machine has quiet hours, and when they end', async () => {
    const { machine, browser, path } = await atSession();
    const until = new Date(currentTime() + 8 * 60 * 60_000).toISOString();
    await accepts(heartbeat, {
      as: machine.owner,
      body: {
        machineId: machine.machineId,
        condition: { code: 'quiet_hours', message: 'Quiet hours are 22:00 to 07:00.', until },
      },
    });
    expect((await browser.get(path)).text).toMatch(
      /workbench has paused\. Quiet hours are 22:00 to 07:00\. It claims again at \d{4}-/,
    );
    expect((await browser.get('/send')).text).toMatch(/paused/);
  });

  it('explains what to do when there is none', async () => {
    expect((await (await aBrowser(await aPerson())).get('/send')).text).toContain(
      'orp link session register',
    );
  });
});

describe('a session', () => {
  it('sends a prompt to exactly itself, and shows the prompt and its answer in order', async () => {
    const { machine, browser, path } = await atSession();
    const { html, text } = await browser.get(path);
    expect(text).toContain('claims the job with its next poll');
    const sent = await browser.postAndFollow(`${path}/prompts`, {
      ...formOf(html),
      prompt: 'Count\nthe gauges.',
    });
    expect(sent.text).toContain('Sent. workbench is not connected');
    const held = await claimAndStart(machine);
    const job = await show(machine.owner, held.jobId);
    expect(job).toMatchObject({
      prompt: 'Count\nthe gauges.',
      sessionFallback: 'none',
      onLeaseLoss: 'hold',
      target: { machineId: machine.machineId, projectRoot: machine.projectRoot, orpSessionId: 'orp-main' },
    });
    expect((await browser.get(path)).text).toMatch(/Count the gauges\. running .*The agent is working\./);
    await complete(held, { content: 'Three.' });
    advance(SECOND);
    await aPrompt(machine, { prompt: 'And the buoys?', codexSessionId: `codex-${machine.machineId}` });
    expect((await browser.get(path)).text).toMatch(
      /Count the gauges\. completed .*Three\. And the buoys\? queued/,
    );
  });

  it('queues a form that is sent twice once', async () => {
    const { machine, browser, path } = await atSession();
    const form = { ...formOf((await browser.get(path)).html), prompt: 'Once.' };
    await browser.postAndFollow(`${path}/prompts`, form);
    await browser.postAndFollow(`${path}/prompts`, form);
    expect((await accepts(listJobs, { as: machine.owner })).jobs.length).toBe(1);
  });

  it('takes the options in plain words', async () => {
    const { machine, browser, path } = await atSession();
    const form = { ...formOf((await browser.get(path)).html), prompt: 'Later.' };
    await browser.postAndFollow(`${path}/prompts`, {
      ...form,
      notBefore: '3',
      expires: '24',
      onLeaseLoss: 'requeue',
      priority: '10',
    });
    const [job] = (await accepts(listJobs, { as: machine.owner })).jobs;
    expect(job).toMatchObject({ onLeaseLoss: 'requeue', priority: 10, waiting: { code: 'not_yet' } });
    const hours = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 3_600_000);
    expect(hours(job?.createdAt ?? '', job?.notBefore ?? '')).toBe(3);
    expect(hours(job?.createdAt ?? '', job?.expiresAt ?? '')).toBe(27);
  });

  it.each([
    [{ prompt: ' ' }, 400, 'prompt: must not be blank.'],
    [{ prompt: 'Kept.', priority: '1000' }, 400, 'priority:'],
    [{ prompt: 'Kept.', notBefore: 'soon' }, 400, 'notBefore:'],
    [{ prompt: 'x'.repeat(300_000) }, 413, 'prompt:'],
  ])('refuses a form with its sentence and keeps what was typed', async (change, status, sentence) => {
    const { browser, path } = await atSession();
    const form = formOf((await browser.get(path)).html);
    const shown = await browser.post(`${path}/prompts`, { ...form, ...change });
    expect([shown.status, shown.text]).toEqual([status, expect.stringContaining(sentence)]);
    expect(shown.html).toContain(`${change.prompt.slice(0, 100)}`);
  });

  it('of somebody else is not there', async () => {
    const { machine, path } = await atSession();
    await aPrompt(machine, { codexSessionId: `codex-${machine.machineId}` });
    const stranger = await aBrowser(await aPerson());
    expect((await stranger.get(path)).status).toBe(404);
    const sent = await stranger.post(`${path}/prompts`, {
      prompt: 'Mine.',
      machineId: machine.machineId,
      projectRoot: machine.projectRoot,
      orpSessionId: 'orp-main',
    });
    expect(sent.status).toBe(404);
    expect((await accepts(listJobs, { as: machine.owner })).jobs.length).toBe(1);
  });

  it('looks through a bounded number of jobs, and goes on where it stopped', async () => {
    const { machine, browser, path } = await atSession();
    await aPrompt(machine, { prompt: 'The first of all.', codexSessionId: `codex-${machine.machineId}` });
    await addOldJobs(machine, SCANS[0] + 50);
    const near = await billOf(() => browser.get(path));
    // Nothing is among the newest, so the page looks further once.
    expect(near.value.text).toContain('The first of all.');
    const most = 2 * (SCANS[0] + SCANS[1]) + 1200;
    expect(near.read).toBeLessThan(most);

    await addOldJobs(machine, SCANS[0] + SCANS[1], 'job_zz');
    const { value, ...bill } = await billOf(() => browser.get(path));
    expect(value.text).not.toContain('The first of all.');
    expect(value.text).toContain('None of the 5,000 newest jobs before here ran in this session. ');
    expect(bill.read).toBeLessThan(most);
    expect(bill.trips).toBeLessThanOrEqual(4);
    const earlier = /href="([^"]*\?before=[^"]*)"/.exec(value.html)?.[1] ?? '';
    expect((await browser.get(earlier)).text).toContain('The first of all.');
  });
});

/** Ended jobs of other sessions, newer than all others. */
async function addOldJobs({ owner }: Machine, count: number, prefix = 'job_z'): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, prompt)
     SELECT ?2, ?4 || printf('%06d', i), 'session.prompt', 'completed', ?3, ?3, ?3, ?3, ?3, 'hold', 3, 'primary', 'Other.' FROM n`,
  )
    .bind(count, owner.userId, currentTime(), prefix)
    .run();
}
