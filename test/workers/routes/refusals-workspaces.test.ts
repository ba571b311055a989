/** Every refusal that the routes of workspaces declare. */

import { env } from 'cloudflare:workers';
import { describe, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import * as contract from '../../../spec/contract/workspaces.ts';
import { accepts, refuses, refusesAny } from '../harness/call.ts';
import { limitAccount } from '../harness/limits.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { type Refusals, scenariosOf } from '../harness/refusals.ts';

async function aWorkspace() {
  const as = await aPerson();
  const { id: workspaceId } = await accepts(contract.addWorkspace, { as, body: { title: 'tides' } });
  return { as, params: { workspaceId } };
}

/** An unknown workspace and one of another account are answered alike. */
function unknown(row: Endpoint, body?: object) {
  return async () => {
    const { params } = await aWorkspace();
    const ask = (as: Person, workspaceId: string) =>
      refusesAny(row, 'not_found', { as, params: { workspaceId }, ...(body ? { body } : {}) });
    const stranger = await aPerson();
    await ask(stranger, params.workspaceId);
    await ask(stranger, 'wsp_unknown');
  };
}

const REFUSALS = {
  addWorkspace: {
    limit_reached: async () => {
      const { as, params } = await aWorkspace();
      await env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO workspaces SELECT user_id, id || i, title, description, visibility, idea_id, relationship, created_at,
           updated_at, state_version, snapshot_id, state_at, tab_count, state
         FROM workspaces, n WHERE id = ?2`,
      )
        .bind(BOUNDS.workspaces, params.workspaceId)
        .run();
      await refuses(contract.addWorkspace, 'limit_reached', { as, body: { title: 'one more' } });
      const other = await aPerson();
      await limitAccount(other, { storedBytes: 0 });
      await refuses(contract.addWorkspace, 'limit_reached', { as: other, body: { title: 'tides' } });
    },
  },
  showWorkspace: { not_found: unknown(contract.showWorkspace) },
  updateWorkspace: {
    not_found: unknown(contract.updateWorkspace, { title: 'mine-now' }),
    record_changed: async () => {
      const at = await aWorkspace();
      const body = { title: 'b', updatedAt: '2001-01-01T00:00:00.000Z' };
      await refuses(contract.updateWorkspace, 'record_changed', { ...at, body });
    },
  },
  listTabs: { not_found: unknown(contract.listTabs) },
  listTimeline: { not_found: unknown(contract.listTimeline) },
  pushState: {
    not_found: unknown(contract.pushState, { tabs: [] }),
    limit_reached: async () => {
      const at = await aWorkspace();
      await limitAccount(at.as, { storedBytes: 10 });
      await refuses(contract.pushState, 'limit_reached', { ...at, body: { note: 'x'.repeat(100) } });
    },
  },
  addEvent: {
    not_found: unknown(contract.addEvent, { type: 'tab.added' }),
    limit_reached: async () => {
      const at = await aWorkspace();
      await limitAccount(at.as, { storedBytes: 10 });
      await refuses(contract.addEvent, 'limit_reached', { ...at, body: { type: 'tab.added' } });
    },
  },
} satisfies Refusals<typeof contract>;

describe('workspaces', () => {
  it.each(scenariosOf(REFUSALS))('$name refuses with $code', ({ provoke }) => provoke());
});
