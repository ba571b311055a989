/** Markup and script in every text that a person or a machine can send: every page shows it as text. */

import { afterAll, describe, expect, it } from 'vitest';
import { createToken, startDevice } from '../../../spec/contract/auth.ts';
import { addFeature, putWorld, updateIdea } from '../../../spec/contract/ideas.ts';
import { cancelJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import { syncMachine } from '../../../spec/contract/runner.ts';
import { aBrowser } from '../harness/browser.ts';
import { accepts } from '../harness/call.ts';
import { aPrompt, complete, log, syncBody } from '../harness/machines.ts';
import { PAGE_REQUESTS } from '../harness/page-requests.ts';
import { aPerson } from '../harness/people.ts';
import { aStage, type Named } from '../harness/requests.ts';
import { emptyDatabase } from '../harness/snapshot.ts';

afterAll(emptyDatabase);

const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onfocus='x javascript:alert(3)`;

/** Puts the text into everything that a page may show. */
async function poison(stage: Named): Promise<void> {
  const { owner, ideaId, machine, running, queuedJobId } = stage;
  const { machineId, projectRoot } = machine;
  const body = syncBody(machine, [{ orpSessionId: 'orp-main', codexSessionId: `codex-${machineId}` }]);
  await accepts(syncMachine, {
    as: owner,
    body: {
      ...body,
      machineName: EVIL,
      appVersion: EVIL.slice(0, 60),
      sessions: body.sessions.map((session) => ({ ...session, label: EVIL })),
      linkedProjects: body.linkedProjects.map((project) => ({
        ...project,
        projectName: EVIL,
        ideaTitle: EVIL,
      })),
    },
  });
  await accepts(updateIdea, { as: owner, params: { ideaId }, body: { title: EVIL, notes: EVIL } });
  const details = [{ id: 'd', label: EVIL, body: EVIL }];
  await accepts(addFeature, { as: owner, params: { ideaId }, body: { title: EVIL, notes: EVIL, details } });
  await accepts(putWorld, { as: owner, params: { ideaId }, body: { name: EVIL, projectRoot } });
  await aPrompt(machine, { prompt: EVIL });
  await log(running, 1, EVIL);
  await complete(running, {
    success: false,
    summary: EVIL,
    content: EVIL,
    error: EVIL,
    failureKind: 'agent_error',
  });
  await accepts(cancelJob, { as: owner, params: { jobId: queuedJobId }, body: { reason: EVIL } });
  await accepts(drainMachine, { as: owner, params: { machineId }, body: { draining: true, reason: EVIL } });
  await accepts(createToken, { as: owner, body: { name: EVIL, scope: 'read' } });
}

const pages = Object.entries(PAGE_REQUESTS).filter(
  ([name, { access }]) => name.startsWith('GET /') && access !== 'open' && !name.endsWith('/live'),
);

describe('markup in a text', () => {
  it('is shown as text on every page, also of operators', async () => {
    const stage = await aStage();
    await poison(stage);
    await accepts(startDevice, { body: { deviceName: EVIL } });
    const owner = await aBrowser(stage.owner);
    const operator = await aBrowser(await aPerson({ role: 'operator' }));
    let shown = 0;
    for (const [name, { access, path }] of pages) {
      const browser = access === 'operators' ? operator : owner;
      const search = access === 'operators' ? `?account=${stage.owner.userId}` : '';
      const { html, status, headers } = await browser.get(`${path(stage)}${search}`);
      expect(status, name).toBe(200);
      if (!headers.get('content-type')?.startsWith('text/html')) {
        expect(headers.get('content-type'), name).toMatch(/^text\/plain/);
        continue;
      }
      if (html.includes('alert(1)')) shown += 1;
      expect(html, name).not.toMatch(/<script>|<img src=x|<[^>]*\son\w+\s*=/i);
      expect(html, name).not.toMatch(/(?:href|src|action)="\s*javascript:/i);
    }
    // The text must be there, or the pages prove nothing.
    expect(shown).toBeGreaterThan(8);
  });
});
