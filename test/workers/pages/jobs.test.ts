/** The pages about jobs. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { addMessage } from '../../../spec/contract/runner.ts';
import { LIST_SCAN } from '../../../workers/store/jobs.ts';
import { aBrowser } from '../harness/browser.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { billOf } from '../harness/d1-meter.ts';
import {
  aMachine,
  aPrompt,
  aRunningPrompt,
  claimAndStart,
  complete,
  type Held,
  log,
  show,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

async function say({ machine, jobId, leaseId }: Held, seq: number, content: string): Promise<void> {
  const { owner, machineId } = machine;
  const body = { machineId, leaseId, seq, sender: 'agent', content };
  await accepts(addMessage, { as: owner, params: { jobId }, body });
}

describe('the list of jobs', () => {
  it('shows what each job is, why it waits, and where, and its filter is the URL', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { prompt: 'Count the gauges.' });
    await complete(await claimAndStart(machine));
    advance(SECOND);
    await aPrompt(machine, { prompt: 'Paint the pier.' });
    const browser = await aBrowser(machine.owner);
    const all = await browser.get('/jobs');
    expect(all.text).toMatch(
      /Paint the pier\. .*queued .*Count the gauges\. Three gauges\. completed workbench/,
    );
    expect(all.text).toContain('claims the job with its next poll');
    const done = await browser.get('/jobs?status=completed&kind=session.prompt');
    expect(done.text).toContain('Count the gauges.');
    expect(done.text).not.toContain('Paint the pier.');
    expect(done.html).toContain('<option value="completed" selected="">');
    expect((await browser.get('/jobs?status=lost')).text).toContain('No job matches');
  });

  it('goes on with a link that keeps the filter', async () => {
    const machine = await aMachine();
    for (const prompt of ['First.', 'Second.', 'Third.']) {
      await aPrompt(machine, { prompt });
      advance(SECOND);
    }
    const browser = await aBrowser(machine.owner);
    const { html } = await browser.get('/jobs?status=live&limit=2');
    const next = /href="(\/jobs\?[^"]*cursor=[^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toContain('status=live');
    const { text } = await browser.get(next);
    expect(text).toContain('First.');
    expect(text).not.toContain('Second.');
  });

  it('explains a filter that cannot be read', async () => {
    const shown = await (await aBrowser(await aPerson())).get('/jobs?status=sleeping');
    expect(shown.status).toBe(400);
    expect(shown.text).toContain('status: there is no status sleeping.');
  });
});

describe('the page of a job', () => {
  it('tells its story: prompt, machine, transcript, answer', async () => {
    const held = await aRunningPrompt({ prompt: 'Count the gauges.' });
    await say(held, 1, 'I count them now.');
    await log(held, 2, '\u001b[32mthree\u001b[0m gauges\n');
    await complete(held, { content: 'There are three.\n' });
    const browser = await aBrowser(held.machine.owner);
    const { text, html } = await browser.get(`/jobs/${held.jobId}`);
    expect(text).toMatch(/Queued .*Claimed by workbench .*Agent started .*Completed/);
    expect(text).toMatch(
      /Prompt Count the gauges\. .*Answer There are three\. .*I count them now\. .*three gauges/,
    );
    expect(html).toContain('<span class="t-c2">three</span> gauges');
    const file = await browser.get(`/jobs/${held.jobId}/transcript.txt`);
    expect(file.headers.get('content-disposition')).toBe(`attachment; filename="${held.jobId}.txt"`);
    expect(file.html).toMatch(/ agent\]\nI count them now\.\n\n.*three/s);
  });

  it('cancels, and shows the cancel with its reason', async () => {
    const held = await aRunningPrompt();
    const browser = await aBrowser(held.machine.owner);
    const shown = await browser.postAndFollow(`/jobs/${held.jobId}/cancel`, { reason: 'Sent by mistake' });
    expect(shown.text).toContain('Cancelled. The runner stops the agent');
    expect(shown.text).toMatch(/cancelled .*Sent by mistake/);
    expect((await show(held.machine.owner, held.jobId)).status).toBe('cancelled');
    expect((await browser.get(`/jobs/${held.jobId}`)).text).not.toContain('The runner stops the agent');
  });

  it('warns before a retry that may run twice, and repeats no retry', async () => {
    const held = await aRunningPrompt();
    const browser = await aBrowser(held.machine.owner);
    const path = `/jobs/${held.jobId}`;
    expect((await browser.get(path)).text).toContain('the prompt may run twice');
    const form = { attempt: '1' };
    expect((await browser.postAndFollow(`${path}/retry`, form)).text).toContain('Queued again.');
    await claimAndStart(held.machine);
    const again = await browser.postAndFollow(`${path}/retry`, form);
    expect((await show(held.machine.owner, held.jobId)).status, again.text).toBe('running');
  });

  it('shows a refused order as a sentence', async () => {
    const held = await aRunningPrompt();
    await complete(held);
    const browser = await aBrowser(held.machine.owner);
    const shown = await browser.postAndFollow(`/jobs/${held.jobId}/cancel`);
    expect(shown.text).toContain(`Job ${held.jobId} is completed.`);
  });

  it('sends new entries as HTML, and says when the job has ended', async () => {
    const held = await aRunningPrompt();
    await log(held, 1, 'before <b>\n');
    await complete(held);
    const browser = await aBrowser(held.machine.owner);
    const stream = await browser.get(`/jobs/${held.jobId}/live?after=0-0`);
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.html).toContain('before &lt;b&gt;');
    expect(stream.html).toContain('event: end');
  });
});

describe('text of strangers', () => {
  const HOSTILE = '<script>alert(1)</script>\u202egnp.exe\u001b[2J\u0007 "quoted" \u200b&amp;';

  it('is shown harmlessly and legibly wherever it appears', async () => {
    const held = await aRunningPrompt({ prompt: HOSTILE });
    await say(held, 1, HOSTILE);
    await log(held, 2, `${HOSTILE}\n`);
    await complete(held, { summary: HOSTILE, content: HOSTILE });
    const browser = await aBrowser(held.machine.owner);
    for (const path of ['/jobs', `/jobs/${held.jobId}`]) {
      const { html, text } = await browser.get(path);
      expect(html, path).not.toContain('<script>alert');
      expect(html, path).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
      expect(text, path).toContain('<script>alert(1)</script>⟨U+202E⟩gnp.exe');
    }
  });

  it('of a megabyte on one line is cut with a mark', async () => {
    const held = await aRunningPrompt();
    await complete(held, { content: 'x'.repeat(1_000_000) });
    const { html, text } = await (await aBrowser(held.machine.owner)).get(`/jobs/${held.jobId}`);
    expect(text).toMatch(/x… \([\d,]+ more characters\)/);
    expect(html.length).toBeLessThan(60_000);
  });
});

describe('a filtered list of a long history', () => {
  it('reads a bounded number of rows, and finds older jobs on the next page', async () => {
    const held = await aRunningPrompt({ prompt: 'The one that failed.' });
    await complete(held, { success: false, error: 'No such gauge.' });
    const { owner } = held.machine;
    await addEnded(owner.userId, 2 * LIST_SCAN);
    const browser = await aBrowser(owner);
    for (const path of ['/jobs?status=failed', '/jobs?kind=idea.checkpoint', '/jobs?status=queued']) {
      await browser.get(path);
      const { value, read } = await billOf(() => browser.get(path));
      expect(value.text, path).not.toContain('The one that failed.');
      expect(read, path).toBeLessThan(3 * LIST_SCAN + 50);
    }
    let shown = await browser.get('/jobs?status=failed');
    for (let page = 0; page < 2; page += 1) {
      const next = /href="(\/jobs\?[^"]*cursor=[^"]*)"/.exec(shown.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
      shown = await browser.get(next);
    }
    expect(shown.text).toContain('The one that failed.');
  });
});

/** Completed jobs, newer than all others. */
async function addEnded(userId: string, count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO jobs (user_id, id, kind, status, created_at, updated_at, finished_at, available_at, expires_at,
       on_lease_loss, max_attempts, session_fallback, prompt)
     SELECT ?2, 'job_z' || printf('%06d', i), 'session.prompt', 'completed', ?3, ?3, ?3, ?3, ?3, 'hold', 3, 'primary', 'Other.' FROM n`,
  )
    .bind(count, userId, currentTime())
    .run();
}

describe('the search in a transcript', () => {
  it('finds lines in any case and without colors, marks the words, and leads to their place', async () => {
    const held = await aRunningPrompt();
    const { owner } = held.machine;
    await log(held, 1, 'one\n\u001b[32mNorth\u001b[0m gauge <b>\n');
    await say(held, 2, 'The south gauge is silent.');
    await log(held, 3, 'the north gauge again\n');
    const browser = await aBrowser(owner);
    const found = await browser.get(`/jobs/${held.jobId}?q=north%20GAUGE`);
    expect(found.text).toContain('2 lines contain “north GAUGE”.');
    expect(found.html).toContain('<mark>North gauge</mark> &lt;b&gt;');
    expect(found.text).not.toContain('south');
    const [, path = ''] = /href="(\/jobs\/[^"]*after=[^"]+)"/.exec(found.html) ?? [];
    expect((await browser.get(path)).text).toContain('the north gauge again');
    expect((await browser.get(`/jobs/${held.jobId}?q=nothing`)).text).toContain(
      'No line contains “nothing”.',
    );
  });

  it('shows at most a hundred lines, and says that there are more', async () => {
    const held = await aRunningPrompt();
    await log(held, 1, 'gauge\n'.repeat(500));
    const browser = await aBrowser(held.machine.owner);
    const found = await browser.get(`/jobs/${held.jobId}?q=gauge`);
    expect(found.text).toContain('100 or more lines contain “gauge”.');
    expect(found.html.match(/<mark>/g)).toHaveLength(100);
  });

  it('finds nothing in the job of somebody else', async () => {
    const held = await aRunningPrompt();
    expect((await (await aBrowser(await aPerson())).get(`/jobs/${held.jobId}?q=a`)).status).toBe(404);
  });
});
