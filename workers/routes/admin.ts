/** The routes of operators. Every row asks who it is before it does anything. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/admin.ts';
import { accept } from '../../spec/errors.ts';
import { requireOperator } from '../accounts/operators.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { readAlerts, viewAlerts } from '../overview/alerts.ts';
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
}
