/**
 * The hosted side as a process that can be killed. Started by `service.ts`, with its settings as JSON in the only
 * argument; tells its parent where it listens. The processes it starts are in its group, and end with it.
 */

import { accountRow, insertAccount } from '../../../scripts/local/accounts.ts';
import { startRuntime } from '../../../scripts/local/runtime.ts';

export interface ServiceSettings {
  port: number;
  persistTo: string;
  aheadMs: number;
  /** Is added on the first start. */
  person?: { email: string; password: string };
}

export interface ServiceNews {
  url: string;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ServiceSettings;

const runtime = await startRuntime({
  entry: 'test/workers/bench/chaos-worker.ts',
  port: settings.port,
  persistTo: settings.persistTo,
  vars: { CHAOS_AHEAD_MS: String(settings.aheadMs) },
  onLog: ({ message }) => console.error(message),
});
if (settings.person) await insertAccount(runtime.database, accountRow(settings.person, Date.now()));
const news: ServiceNews = { url: runtime.url };
process.send?.(news);

process.on('SIGTERM', () => {
  void runtime.close().then(() => process.exit(0));
});
/** Nobody is left to serve. */
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
