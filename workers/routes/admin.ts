/** The routes of operators. Every handler first checks that the caller is an operator. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/admin.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { requireOperator } from '../accounts/operators.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { readAlerts, viewAlerts } from '../overview/alerts.ts';
import * as bulk from '../overview/bulk.ts';
import { readCharts } from '../overview/charts.ts';
import { listDevicesOf, revokeDeviceOf } from '../overview/devices.ts';
import { readMachines } from '../overview/machines.ts';

export function mountAdmin(app: Hono<AppEnv>): void {
  mount(app, rows.listMachines, async ({ query, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, ...(await readMachines(deps, query)) });
  });

  mount(app, rows.listAlerts, async ({ auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, ...viewAlerts(await readAlerts(deps)) });
  });

  mount(app, rows.showCharts, async ({ query, auth, deps }) => {
    const allowed = requireOperator(auth);
    return allowed.ok ? accept({ ok: true, ...(await readCharts(deps, query.span)) }) : allowed;
  });

  mount(app, rows.listDevices, async ({ params, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, devices: await listDevicesOf(deps, params.accountId) });
  });

  mount(app, rows.revokeDevice, async ({ params, body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const revoked = await revokeDeviceOf(deps, auth, {
      userId: params.accountId,
      deviceId: params.deviceId,
      reason: body.reason?.trim() || undefined,
      source: sourceOf(context),
    });
    return revoked.ok ? accept({ ok: true, ...revoked.value }) : revoked;
  });

  mountBulk(app);
}

function mountBulk(app: Hono<AppEnv>): void {
  mount(app, rows.startBulk, async ({ body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const { dryRun, name, count, ...order } = body;
    if (dryRun) {
      const matching = await bulk.countMatching(deps, order);
      return matching.ok
        ? accept({ ok: true, count: matching.value.count, exact: matching.value.isExact })
        : matching;
    }
    if (name === undefined) return refuse('invalid_input', 'name: a run needs a name.', 'Choose one.');
    if (count === undefined) {
      return refuse(
        'invalid_input',
        'count: a run needs the count from a dry run.',
        'Send the same order with dryRun first.',
      );
    }
    const reason = body.reason?.trim() || undefined;
    const started = await bulk.startBulk(deps, auth, {
      ...order,
      name,
      count,
      reason,
      source: sourceOf(context),
    });
    return started.ok ? accept({ ok: true, ...started.value }) : started;
  });

  mount(app, rows.listBulk, async ({ auth, deps }) => {
    const allowed = requireOperator(auth);
    return allowed.ok ? accept({ ok: true, runs: await bulk.listBulk(deps) }) : allowed;
  });

  mount(app, rows.showBulk, async ({ params, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const run = await bulk.showBulk(deps, params.name);
    return run.ok ? accept({ ok: true, run: run.value }) : run;
  });

  mount(app, rows.advanceBulk, async ({ params, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const run = await bulk.advanceBulk(deps, params.name);
    return run.ok ? accept({ ok: true, run: run.value }) : run;
  });

  mount(app, rows.abortBulk, async ({ params, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const aborted = await bulk.abortBulk(deps, auth, {
      name: params.name,
      source: sourceOf(context),
    });
    return aborted.ok ? accept({ ok: true, ...aborted.value }) : aborted;
  });
}
