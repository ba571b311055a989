/** The operator console: machines and alerts of all accounts, charts, bulk orders, and the devices of an account. */

import type { Hono } from 'hono';
import type { AppEnv } from '../../http/app-env.ts';
import { mountAccounts } from './account-page.tsx';
import { mountBulk } from './bulk-pages.tsx';
import { mountCharts } from './charts-page.tsx';
import { mountMachines } from './machines-page.tsx';

export function mountConsole(app: Hono<AppEnv>): void {
  app.get('/dashboard', (context) => context.redirect('/dashboard/admin/runners', 302));
  app.get('/dashboard/admin', (context) => context.redirect('/dashboard/admin/runners', 302));
  mountMachines(app);
  mountCharts(app);
  mountBulk(app);
  mountAccounts(app);
}
