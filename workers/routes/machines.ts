/** The routes for machines, and the lookup of ids. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/machines.ts';
import { accept } from '../../spec/errors.ts';
import { findIds } from '../accounts/lookup.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { drainMachine, showMachine } from '../machines/presence.ts';

export function mountMachines(app: Hono<AppEnv>): void {
  mount(app, rows.showMachine, async ({ params, auth, deps }) => {
    const shown = await showMachine(deps, auth, params.machineId);
    return shown.ok ? accept({ ok: true, machine: shown.value }) : shown;
  });

  mount(app, rows.drainMachine, async ({ params, body, auth, deps, context }) => {
    const drained = await drainMachine(deps, auth, {
      machineId: params.machineId,
      isDraining: body.draining,
      reason: body.reason?.trim() || undefined,
      source: sourceOf(context),
    });
    return drained.ok ? accept({ ok: true, ...drained.value }) : drained;
  });

  mount(app, rows.findIds, async ({ query, auth, deps }) =>
    accept({ ok: true, ids: await findIds(deps, auth.id, query) }),
  );
}
