/** What one value, one answer and one account may hold, and that a full account still gets its results. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { BOUNDS, utf8Length } from '../../../spec/bounds.ts';
import {
  addFeature,
  addIdea,
  listIdeas,
  queueCheckpoint,
  removeIdea,
  updateFeature,
} from '../../../spec/contract/ideas.ts';
import { enqueueJob, listJobs, retryJob } from '../../../spec/contract/jobs.ts';
import { syncMachine } from '../../../spec/contract/runner.ts';
import { MAX_PROMPT_BYTES } from '../../../spec/job/kinds.ts';
import { accepts, refuses } from '../harness/call.ts';
import { billOf } from '../harness/d1-meter.ts';
import { limitAccount, usageOf } from '../harness/limits.ts';
import type { Machine } from '../harness/machines.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  claimAndStart,
  complete,
  log,
  poll,
  show,
  syncBody,
} from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import { closeChannels, openStream } from '../harness/streams.ts';

const KIB = 1024;

function sessionsOf({ projectRoot }: Machine, count: number, label: string) {
  return Array.from({ length: count }, (_, index) => ({
    projectRoot,
    orpSessionId: `session-${index}`,
    codexSessionId: `codex-${index}`,
    label,
    state: 'active' as const,
    primary: index === 0,
  }));
}

async function storedSessionBytes(machine: Machine): Promise<{ rows: number; bytes: number }> {
  const row = await env.DB.prepare(
    'SELECT count(*) AS rows, coalesce(sum(octet_length(sessions)), 0) AS bytes FROM linked_sessions WHERE user_id = ?',
  )
    .bind(machine.owner.userId)
    .first<{ rows: number; bytes: number }>();
  return row ?? { rows: 0, bytes: 0 };
}

describe('a sync', () => {
  it('stores the sessions of a folder once, however many ideas link it', async () => {
    const machine = await aMachine({ sessions: [] });
    const body = syncBody(machine, []);
    const [project] = body.linkedProjects;
    if (project === undefined) throw new Error('no project');
    const linkedProjects = Array.from({ length: 500 }, (_, index) => ({
      ...project,
      ideaId: `ide_${index}`,
    }));
    const sessions = sessionsOf(machine, 2000, 'A label');
    await accepts(syncMachine, { as: machine.owner, body: { ...body, linkedProjects, sessions } });

    const stored = await storedSessionBytes(machine);
    expect(stored.rows).toBe(1);
    expect(stored.bytes).toBeLessThan(BOUNDS.repositorySessionsBytes);
    await aPrompt(machine, { ideaId: 'ide_499', orpSessionId: 'session-1999' });
    expect((await poll(machine)).job?.payload.orpSessionId).toBe('session-1999');
  });

  it('keeps a session that names an idea out of the other ideas of its folder', async () => {
    const machine = await aMachine({ sessions: [] });
    const body = syncBody(machine, []);
    const [project] = body.linkedProjects;
    if (project === undefined) throw new Error('no project');
    const other = await anIdea(machine.owner);
    const [session] = sessionsOf(machine, 1, 'Main');
    if (session === undefined) throw new Error('no session');
    await accepts(syncMachine, {
      as: machine.owner,
      body: {
        ...body,
        linkedProjects: [project, { ...project, ideaId: other }],
        sessions: [{ ...session, ideaId: other }],
      },
    });
    await aPrompt(machine);
    expect((await poll(machine)).job).toBeNull();
    const jobId = await aPrompt(machine, { ideaId: other });
    expect((await poll(machine)).job?.id).toBe(jobId);
  });

  it('beyond the bound of a repository, a machine or an account is refused and writes nothing', async () => {
    const machine = await aMachine();
    const before = await storedSessionBytes(machine);
    const ask = async (count: number, label: string) => {
      const body = { ...syncBody(machine, []), sessions: sessionsOf(machine, count, label) };
      const bill = await billOf(() => refuses(syncMachine, 'body_too_large', { as: machine.owner, body }));
      expect(bill.written).toBe(0);
    };
    await ask(600, 'x'.repeat(1000));

    const roots = ['/a', '/b', '/c'];
    const [project] = syncBody(machine, []).linkedProjects;
    if (project === undefined) throw new Error('no project');
    const each = sessionsOf(machine, 400, 'x'.repeat(900));
    const body = {
      ...syncBody(machine, []),
      linkedProjects: roots.map((projectRoot) => ({ ...project, projectRoot })),
      sessions: roots.flatMap((projectRoot) => each.map((session) => ({ ...session, projectRoot }))),
    };
    await refuses(syncMachine, 'body_too_large', { as: machine.owner, body });
    await limitAccount(machine.owner, { linkedBytes: 1000 });
    await refuses(syncMachine, 'limit_reached', {
      as: machine.owner,
      body: { ...syncBody(machine, []), sessions: sessionsOf(machine, 50, 'Label') },
    });
    expect(await storedSessionBytes(machine)).toEqual(before);
  });

  it('cannot pile up repositories by naming a few at a time', async () => {
    const machine = await aMachine();
    const [project] = syncBody(machine, []).linkedProjects;
    if (project === undefined) throw new Error('no project');
    const projects = (first: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ ...project, projectRoot: `/repo/${first + index}` }));
    const ask = (first: number, count: number) => ({
      as: machine.owner,
      body: { ...syncBody(machine, []), linkedProjects: projects(first, count) },
    });
    await accepts(syncMachine, ask(0, BOUNDS.machineProjects - 1));
    await refuses(syncMachine, 'body_too_large', ask(1000, 1));
    await limitAccount(machine.owner, { linkedProjects: 10 });
    const another = await aMachine({ owner: machine.owner }).catch((error: Error) => error.message);
    expect(another).toContain('limit_reached');
  });
});

describe('a list of ideas', () => {
  it('shortens its pages by the notes and still lists every idea once', async () => {
    const as = await aPerson();
    const notes = 'n'.repeat(300 * KIB - 100);
    for (let count = 0; count < 4; count += 1)
      await accepts(addIdea, { as, body: { title: `Idea ${count}`, notes: notes.slice(0, 250 * KIB) } });
    await anIdea(as, 'Short');
    const seen: string[] = [];
    for (let cursor: string | undefined, more = true; more; ) {
      const page = await accepts(listIdeas, { as, query: { limit: 500, ...(cursor ? { cursor } : {}) } });
      expect(page.ideas.reduce((sum, idea) => sum + utf8Length(idea.notes), 0)).toBeLessThanOrEqual(
        BOUNDS.pageBytes,
      );
      seen.push(...page.ideas.map((idea) => idea.title));
      more = page.hasMore;
      cursor = page.nextCursor;
    }
    expect(seen.sort()).toEqual(['Idea 0', 'Idea 1', 'Idea 2', 'Idea 3', 'Short']);
  });
});

describe('an idea', () => {
  it('has features that grow section by section up to their bound', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const details = Array.from({ length: 6 }, () => ({ body: 'short' }));
    const feature = await accepts(addFeature, { as, params, body: { title: 'Grid', details } });
    const large = 'x'.repeat(250 * KIB);
    await env.DB.prepare(
      `UPDATE features SET details = json_set(details, '$[0].body', ?1, '$[1].body', ?1, '$[2].body', ?1) WHERE id = ?2`,
    )
      .bind(large, feature.id)
      .run();
    // As v0.4.4 changes one section: the others stay, so that the row grows with every call.
    const merge = (id: string | undefined) => ({
      as,
      params: { featureId: feature.id },
      body: { detail: large, details: [{ id: id ?? '', label: 'Detail', body: large }] },
    });
    const [, , , fourth, fifth] = feature.detailSections;
    await accepts(updateFeature, merge(fourth?.id));
    await refuses(updateFeature, 'body_too_large', merge(fifth?.id));
  });

  it('refuses the feature that would make it larger than its answer may be', async () => {
    const as = await aPerson();
    const params = { ideaId: await anIdea(as) };
    const body = { title: 'Grid', details: [{ body: 'x'.repeat(250 * KIB) }] };
    const { id } = await accepts(addFeature, { as, params, body });
    const columns =
      'user_id, idea_id, title, starred, super_starred, completed, created_at, updated_at, details';
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15)
       INSERT INTO features (id, ${columns}) SELECT id || '_' || i, ${columns} FROM features, n WHERE id = ?`,
    )
      .bind(id)
      .run();
    await refuses(addFeature, 'body_too_large', { as, params, body });
    expect((await usageOf(as)).features).toBe(16);
  });
});

describe('a review', () => {
  it('quotes a section once, however often it is named, and obeys the limit of prompts', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    const params = { ideaId };
    const text = 'section '.repeat(1000);
    const feature = await accepts(addFeature, {
      as,
      params,
      body: { title: 'Grid', details: [{ body: text }] },
    });
    const ref = { featureId: feature.id, detailSectionId: feature.detailSections[0]?.id ?? '' };
    const queued = await accepts(queueCheckpoint, {
      as,
      params,
      body: { contextSelection: { detailSectionRefs: Array.from({ length: 500 }, () => ref) } },
    });
    expect((await show(as, queued.jobId)).prompt.split(text.trim())).toHaveLength(2);

    const large = 'x'.repeat(200 * KIB);
    const features: string[] = [];
    for (const title of ['One', 'Two'])
      features.push((await accepts(addFeature, { as, params, body: { title, notes: large } })).id);
    const ask = (featureIds: string[]) => ({ as, params, body: { contextSelection: { featureIds } } });
    await accepts(queueCheckpoint, ask(features.slice(0, 1)));
    const bill = await billOf(() => refuses(queueCheckpoint, 'body_too_large', ask(features)));
    expect(bill.written).toBe(0);
  });
});

describe('a job', () => {
  it('shows its latest answer and of the earlier ones as much as fits', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    for (let turn = 0; turn < 4; turn += 1) {
      const held = await claimAndStart(machine);
      await complete(held, { content: `${turn}`.repeat(500 * KIB) });
      if (turn < 3) await accepts(retryJob, { as: machine.owner, params: { jobId }, body: {} });
    }
    const job = await show(machine.owner, jobId);
    expect(job.content?.[0]).toBe('3');
    expect(job.attempts.map(({ content, contentBytes }) => content?.[0] ?? contentBytes)).toEqual([
      500 * KIB,
      '1',
      '2',
      '3',
    ]);
  });

  it('is listed in a page that no error text can swell', async () => {
    const machine = await aMachine();
    for (let count = 0; count < 20; count += 1) {
      await aPrompt(machine);
      await complete(await claimAndStart(machine), { success: false, error: 'e'.repeat(200 * KIB) });
    }
    const page = await accepts(listJobs, { as: machine.owner, query: { limit: 200 } });
    expect(utf8Length(JSON.stringify(page))).toBeLessThan(500 * KIB);
  });
});

describe('a full account', () => {
  it('delivers the results and transcripts of its jobs, while new work is refused with the limit', async () => {
    const machine = await aMachine();
    await aPrompt(machine, { prompt: 'p'.repeat(100 * KIB) });
    const held = await claimAndStart(machine);
    await limitAccount(machine.owner, { storedBytes: 1, queuedJobs: 1, ideas: 0 });

    const refused = await refuses(enqueueJob, 'limit_reached', {
      as: machine.owner,
      body: { prompt: 'Two.' },
    });
    expect(refused.error).toContain('limit of 1 ');
    expect(refused.hint).toContain('orp');
    await log(held, 1);
    await complete(held, { content: 'a'.repeat(900 * KIB) });
    expect((await show(machine.owner, held.jobId)).content).toHaveLength(900 * KIB);
  });

  it('takes a prompt that just fits and refuses one byte more', async () => {
    const machine = await aMachine();
    const { bytes } = await usageOf(machine.owner);
    await limitAccount(machine.owner, { storedBytes: bytes + 10_000 });
    const ask = (length: number) => ({ as: machine.owner, body: { prompt: 'p'.repeat(length) } });
    await refuses(enqueueJob, 'limit_reached', ask(10_001));
    await accepts(enqueueJob, ask(10_000));
    await refuses(enqueueJob, 'limit_reached', ask(5));
  });

  it('is counted exactly through changes, retries, purges and deletions', async () => {
    const owner = await aPerson();
    const ideaId = await anIdea(owner);
    const machine = await aMachine({ owner, ideaId });
    const before = await usageOf(owner);
    const feature = await accepts(addFeature, {
      as: owner,
      params: { ideaId },
      body: { title: 'Grid', notes: 'ü'.repeat(3000) },
    });
    await accepts(updateFeature, { as: owner, params: { featureId: feature.id }, body: { notes: 'short' } });
    const jobId = await aPrompt(machine, { prompt: 'p'.repeat(8 * KIB) });
    await complete(await claimAndStart(machine), { content: 'a'.repeat(16 * KIB) });
    await accepts(retryJob, { as: owner, params: { jobId }, body: {} });
    const now = await usageOf(owner);
    expect(now).toEqual({
      ideas: before.ideas,
      features: 1,
      bytes: before.bytes + utf8Length('[]short') + 8 * KIB + 16 * KIB,
    });
    await env.DB.prepare('DELETE FROM jobs WHERE user_id = ?').bind(owner.userId).run();
    await accepts(removeIdea, { as: owner, params: { ideaId }, query: { purge: '1' } });
    expect(await usageOf(owner)).toEqual({ ideas: before.ideas - 1, features: 0, bytes: 0 });
  });

  it('obeys its queue limit when many jobs are queued at once', async () => {
    const machine = await aMachine();
    await limitAccount(machine.owner, { queuedJobs: 5 });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => aPrompt(machine)));
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(5);
  });
});

describe('what a request reads', () => {
  it('does not grow with what the account has linked elsewhere', async () => {
    const machine = await aMachine();
    const ask = async () => {
      const enqueued = await billOf(() =>
        aPrompt(machine, { machineId: machine.machineId, projectRoot: machine.projectRoot }),
      );
      const claimed = await billOf(() => claimAndStart(machine));
      await complete(claimed.value);
      const listed = await billOf(() => accepts(listJobs, { as: machine.owner, query: { limit: 1 } }));
      return [enqueued.read, claimed.read, listed.read];
    };
    const before = await ask();
    const elsewhere = await aMachine({ owner: machine.owner });
    const [project] = syncBody(elsewhere, []).linkedProjects;
    if (project === undefined) throw new Error('no project');
    const linkedProjects = Array.from({ length: 400 }, (_, index) => ({
      ...project,
      projectRoot: `/elsewhere/${index}`,
    }));
    await accepts(syncMachine, { as: elsewhere.owner, body: { ...syncBody(elsewhere, []), linkedProjects } });
    const after = await ask();
    for (const [at, read] of after.entries()) expect(read).toBeLessThanOrEqual((before[at] ?? 0) + 12);
  });

  it('is a bounded number of trips when thousands of jobs wait for a busy session', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    await claimAndStart(machine);
    await aPrompt(machine);
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       INSERT INTO jobs (user_id, id, kind, status, created_at, created_by, updated_at, priority, available_at, expires_at,
         on_lease_loss, max_attempts, session_fallback, idea_id, prompt)
       SELECT user_id, id || '_' || i, kind, status, created_at, created_by, updated_at, priority, available_at, expires_at,
         on_lease_loss, max_attempts, session_fallback, idea_id, prompt FROM jobs, n WHERE user_id = ? AND status = 'queued'`,
    )
      .bind(machine.owner.userId)
      .run();
    const opened = await billOf(() => openStream(machine));
    expect(opened.trips).toBeLessThanOrEqual(8);
    await closeChannels();
  });
});

describe('a prompt', () => {
  it.each([
    { what: 'at its bound', prompt: 'ü'.repeat(MAX_PROMPT_BYTES / 2), isTaken: true },
    { what: 'one byte above it', prompt: `${'ü'.repeat(MAX_PROMPT_BYTES / 2)}x`, isTaken: false },
  ])('$what is judged by its bytes', async ({ prompt, isTaken }) => {
    const { owner: as } = await aMachine();
    if (isTaken) await accepts(enqueueJob, { as, body: { prompt } });
    else await refuses(enqueueJob, 'body_too_large', { as, body: { prompt } });
  });
});
