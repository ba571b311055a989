/**
 * The server as a process that can be killed. `service.ts` starts it with its settings as JSON in the only argument. The
 * process reports its address to its parent. The processes that it starts are in its group and end with it.
 */

import { accountRow, insertAccount } from '../../../scripts/local/accounts.ts';
import { startRuntime } from '../../../scripts/local/runtime.ts';

export interface ServiceSettings {
  port: number;
  persistTo: string;
  aheadMs: number;
  /** The account that is added at the first start. */
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
/** Ends all processes when the parent is gone. */
process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
