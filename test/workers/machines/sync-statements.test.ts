/** D1 runs at most 1,000 statements for one request, which the local runtime does not count: a sync of everything takes a few. */

import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { syncMachine } from '../../../spec/contract/runner.ts';
import type { UserId } from '../../../spec/ids.ts';
import type { Statement } from '../../../workers/store/database.ts';
import { dropProjects, dropSessions } from '../../../workers/store/linked-projects.ts';
import { accepts } from '../harness/call.ts';
import { advance, currentTime, SECOND } from '../harness/clock.ts';
import { billOf, withFault } from '../harness/d1-meter.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt, claim, show, syncBody } from '../harness/machines.ts';

/** What a machine says that has linked as much as it may, with names that need care in JSON. */
function everything(machine: Machine, prefix: string) {
  const { ideaId } = machine;
  const roots = Array.from({ length: BOUNDS.machineProjects }, (_, at) => `${prefix}/"quoted" 潮/${at}`);
  return {
    ...syncBody(machine, []),
    complete: true,
    linkedProjects: roots.map((projectRoot) => ({ ideaId, projectRoot, projectName: 'a \\ b' })),
    sessions: roots.map((projectRoot, at) => ({
      ...{ projectRoot, label: 'Main', state: 'active' as const, primary: true },
      ...{ orpSessionId: 'orp-main', codexSessionId: `codex-${prefix.slice(1)}-${at}` },
    })),
  };
}

async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const before = (sql: string) => {
    count += sql.split(';\n').length;
  };
  await withFault({ before }, work);
  return count;
}

it('500 repositories with their sessions are stored, and replaced, in a few statements', async () => {
  const machine = await aMachine();
  const { owner, machineId } = machine;
  for (const prefix of ['/first', '/second']) {
    advance(SECOND);
    const body = everything(machine, prefix);
    expect(await statementsOf(() => accepts(syncMachine, { as: owner, body }))).toBeLessThan(20);
    expect(await billOf(() => accepts(syncMachine, { as: owner, body }))).toMatchObject({ written: 0 });
  }
  const stored = await env.DB.prepare(
    'SELECT count(*) AS projects, (SELECT count(*) FROM linked_sessions WHERE machine_id = ?1) AS sessions FROM linked_projects WHERE machine_id = ?1',
  )
    .bind(machineId)
    .first();
  expect(stored).toEqual({ projects: BOUNDS.machineProjects, sessions: BOUNDS.machineProjects });

  const projectRoot = '/second/"quoted" 潮/499';
  await aPrompt(machine, { projectRoot });
  const held = await claim(machine);
  expect(await show(owner, held.jobId)).toMatchObject({ projectRoot, codexSessionId: 'codex-second-499' });
});

it('what is dropped is found by key', async () => {
  const { owner, machineId, projectRoot, ideaId } = await aMachine();
  const userId = owner.userId as UserId;
  const at = currentTime();
  const statements: Statement[] = [
    ...dropProjects(userId, [{ machineId, projectRoot, ideaId }], at),
    ...dropSessions(userId, [{ machineId, projectRoot }], at),
  ];
  for (const { sql, values } of statements) {
    const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values.map((value) => value ?? null))
      .all<{ detail: string }>();
    expect(plan.results.map(({ detail }) => detail).join('\n')).not.toMatch(/SCAN linked_/);
  }
});
