/**
 * Runs the server on this machine, with the same Worker, D1 and Durable Object, in the same workerd as in production. `npm
 * start`, the demonstration and the end-to-end tests use this file.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { applyMigrations } from './migrations.ts';
import { projectPath } from './project-path.ts';
import { buildWorker, type WorkerBuild } from './worker-build.ts';

const WORKER_NAME = 'orp-runner';
const DATABASE_BINDING = 'DB';

/** No header is trusted for the client's address, because the local runtime passes on any header that a client sends. */
function localVars(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
  return { CLIENT_ADDRESS_HEADER: '', SERVER_VERSION: `${version}+local` };
}

export interface Statement {
  bind(...values: (string | number | null)[]): Statement;
  all<Row>(): Promise<{ results: Row[] }>;
  run(): Promise<unknown>;
}

/** The part of D1 that scripts and tests use. */
export interface Database {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<unknown>;
}

export interface LogLine {
  level: string;
  message: string;
}

export interface RuntimeOptions {
  /** The Worker's module, relative to the project. Benchmarks use a module with a meter. */
  entry?: string;
  /** 0 picks a free port. */
  port: number;
  /** The folder of the database and the objects. If absent, they are lost when the runtime ends. */
  persistTo?: string;
  /** Overrides of `[vars]` in wrangler.toml. */
  vars?: Record<string, string>;
  onLog?: (line: LogLine) => void;
  /**
   * False leaves out the static files. The local runtime looks for them in a Worker in front of ours, which takes a fifth of
   * the processor time of a request, also for `/api/`. In a deployment, the platform does that.
   */
  hasStaticFiles?: boolean;
}

export interface Runtime {
  /** Origin without a trailing slash. */
  url: string;
  database: Database;
  /** Fires the cron trigger, because the local runtime does not do that by itself. */
  fireCron(): Promise<void>;
  close(): Promise<void>;
}

function miniflareOptions(
  { code, declared }: WorkerBuild,
  options: RuntimeOptions,
): ConstructorParameters<typeof Miniflare>[0] {
  const parts = { ...declared };
  if (options.hasStaticFiles === false) delete parts.assets;
  return convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: options.port,
    /** Prevents the runtime from fetching request metadata from the network, so that everything works offline. */
    cf: false,
    unsafeTriggerHandlers: true,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => options.onLog?.({ level, message }),
    /** The subfolder that wrangler uses, so that `wrangler d1 … --local --persist-to` sees the same database. */
    ...(options.persistTo ? { resourcePersistencePath: join(options.persistTo, 'v3') } : {}),
    workers: [
      {
        ...parts,
        name: WORKER_NAME,
        bindings: Object.assign({}, declared.bindings, localVars(), options.vars),
        modules: [{ type: 'ESModule', path: 'index.js', contents: code }],
      },
    ],
  });
}

async function fireCron(url: string): Promise<void> {
  const response = await fetch(`${url}/cdn-cgi/local/scheduled`);
  if (!response.ok) throw new Error(`The cron handler failed: ${await response.text()}`);
}

/**
 * Removes Miniflare's signal handlers, which end the process at the first signal. The caller handles the signals instead.
 * Miniflare's exit handler stays, so that no workerd is left running.
 */
function withoutSignalHandlers<Result>(make: () => Result): Result {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = signals.map((signal) => new Set(process.listeners(signal)));
  const made = make();
  signals.forEach((signal, at) => {
    for (const listener of process.listeners(signal)) {
      if (!before[at]?.has(listener)) process.removeListener(signal, listener);
    }
  });
  return made;
}

/** Starts the server and applies new migrations. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const build = await buildWorker(options.entry ?? 'workers/index.ts');
  const miniflare = withoutSignalHandlers(() => new Miniflare(miniflareOptions(build, options)));
  try {
    const url = (await miniflare.ready).origin;
    const database: Database = await miniflare.getD1Database(DATABASE_BINDING);
    await applyMigrations(database, build.migrations);
    return { url, database, fireCron: () => fireCron(url), close: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
