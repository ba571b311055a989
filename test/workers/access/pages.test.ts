/** The table of access to the pages: every page and form, and every kind of visitor. */

import { env } from 'cloudflare:workers';
import { afterAll, describe, expect, it } from 'vitest';
import { makeApp } from '../../../workers/app.ts';
import { aBrowser, Browser, type Shown } from '../harness/browser.ts';
import { fieldsOf, PAGE_REQUESTS } from '../harness/page-requests.ts';
import { aPerson } from '../harness/people.ts';
import { type Named, SharedStage, unknownIds } from '../harness/requests.ts';
import { emptyDatabase, snapshot } from '../harness/snapshot.ts';

afterAll(emptyDatabase);

/** What monitoring systems read. test/workers/operations/ tests who may. */
const monitoring = ['/health', '/metrics'];
const mounted = makeApp()
  .routes.filter(({ method, path }) => method !== 'ALL' && !/^\/api/.test(path) && !monitoring.includes(path))
  .map(({ method, path }) => `${method} ${path}`);

const table = Object.entries(PAGE_REQUESTS).map(([name, page]) => ({ name, ...page }));
const guarded = table.filter(({ access }) => access !== 'open');
const forms = table.filter(({ form }) => form !== undefined);

type Row = (typeof table)[number];

interface Visit {
  stage: Named;
  headers?: Record<string, string> | undefined;
}

function visit(browser: Browser, { path, form }: Row, { stage, headers }: Visit): Promise<Shown> {
  if (form === undefined) return browser.get(path(stage));
  return browser.post(path(stage), fieldsOf(form, stage), headers);
}

/** What the person reads: the page, or the page to which the form leads. */
async function read(browser: Browser, shown: Shown): Promise<string> {
  return shown.status === 303 ? (await browser.get(shown.location ?? '/')).html : shown.html;
}

const isLogin = ({ status, location }: Shown) => status === 303 && /^\/login\b/.test(location ?? '');
const isDone = ({ status }: Shown) => [200, 303].includes(status);

function secretsOf({ owner, machine, ideaId, running, queuedJobId, featureId }: Named): string[] {
  return [owner.email, machine.machineId, machine.projectRoot, ideaId, running.jobId, queuedJobId, featureId];
}

const shared = new SharedStage();

describe('the table of pages', () => {
  it('names every page and form, and no other', () => {
    // The paths of operators that a page of everybody redirects to are mounted with GET only.
    expect(Object.keys(PAGE_REQUESTS).sort()).toEqual([...new Set(mounted)].sort());
  });

  it.each(guarded)(
    '$name sends nobody, a signed-out browser and the token of a program to the sign-in',
    async (row) => {
      const stage = await shared.get();
      const before = await snapshot(stage.owner);
      const signedOut = await aBrowser(stage.owner);
      await env.DB.prepare("UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ? AND kind = 'browser'")
        .bind(stage.owner.userId)
        .run();
      const program = new Browser();
      program.cookies.set('__Host-orp', stage.owner.token);
      const bearer = { Authorization: `Bearer ${stage.owner.token}`, 'Sec-Fetch-Site': 'same-origin' };
      for (const [browser, headers] of [
        [new Browser(), undefined],
        [signedOut, undefined],
        [program, undefined],
        [new Browser(), bearer],
      ] as const)
        expect(isLogin(await visit(browser, row, { stage, headers })), row.name).toBe(true);
      await env.DB.prepare("DELETE FROM device_tokens WHERE user_id = ? AND kind = 'browser'")
        .bind(stage.owner.userId)
        .run();
      expect(await snapshot(stage.owner)).toBe(before);
    },
  );

  it.each(guarded)('$name shows and changes nothing of somebody else', async (row) => {
    const stage = await shared.get();
    const browser = await aBrowser(await aPerson());
    const before = await snapshot(stage.owner);
    const shown = await visit(browser, row, { stage });
    if (row.access === 'operators') expect(shown.status).toBe(403);
    else if (row.access === 'own') expect(shown.status).toBeLessThan(500);
    else {
      expect(shown.status).toBe(404);
      const unknown = unknownIds(stage);
      const missing = await visit(browser, row, { stage: unknown });
      expect(withoutIds(shown.html, stage)).toBe(withoutIds(missing.html, unknown));
    }
    const html = await read(browser, shown);
    for (const secret of secretsOf(stage).filter((one) => !row.path(stage).includes(one)))
      expect(html).not.toContain(secret);
    expect(await snapshot(stage.owner)).toBe(before);
  });

  it.each(guarded)('$name serves its owner and operators as it says', async (row) => {
    const stage = await shared.get();
    if (row.form !== undefined) shared.spend();
    const operator = await aBrowser(await aPerson({ role: 'operator' }));
    if (row.access === 'operators') {
      expect((await visit(await aBrowser(stage.owner), row, { stage })).status).toBe(403);
      const shown = await visit(operator, row, { stage });
      expect(isDone(shown) || shown.status === 400, `${shown.status} ${shown.text}`).toBe(true);
      return;
    }
    if (row.access === 'hidden') expect((await visit(operator, row, { stage })).status).toBe(404);
    if (row.access === 'shared' && row.form === undefined)
      expect((await visit(operator, row, { stage })).status).toBe(200);
    const shown = await visit(await aBrowser(stage.owner), row, { stage });
    expect(shown.status, shown.text).not.toBe(403);
    expect(isLogin(shown) && row.name !== 'POST /logout').toBe(false);
    if (row.access !== 'own') expect(isDone(shown), `${shown.status} ${shown.text}`).toBe(true);
  });
});

describe('a form that another site sends', () => {
  it.each(forms)('to $name is refused and changes nothing', async (row) => {
    const stage = await shared.get();
    const role = row.access === 'operators' ? 'operator' : 'member';
    const visitor = role === 'operator' ? await aPerson({ role }) : stage.owner;
    const browser = await aBrowser(visitor);
    const before = await snapshot();
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.test' },
      { Origin: 'null' },
      {},
    ] as Record<string, string>[])
      expect((await browser.post(row.path(stage), fieldsOf(row.form ?? {}, stage), headers)).status).toBe(
        403,
      );
    expect(await snapshot()).toBe(before);
  });
});

function withoutIds(html: string, stage: Named): string {
  const ids = [...secretsOf(stage), stage.endedJobId, stage.checkpointId, stage.removedIdeaId];
  return ids.reduce((left, id) => left.replaceAll(id, '…'), html);
}
