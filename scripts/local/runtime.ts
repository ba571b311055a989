/**
 * The hosted side on this machine: the same Worker, D1 and Durable Object, in the same workerd that runs them in production.
 * `npm start`, the demonstration and the end-to-end tests all start it here.
 */

import { join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { unstable_getMiniflareWorkerOptions as readWorkerOptions } from 'wrangler';
import { applyMigrations } from './migrations.ts';
import { projectPath } from './project-path.ts';
import { textModules } from './text-modules.ts';

const WORKER_NAME = 'orp-runner';
const DATABASE_BINDING = 'DB';

/** It listens on loopback only, and passes on any address that a client claims: none is believed. */
const LOCAL_VARS = { CLIENT_ADDRESS_HEADER: '' };

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
  /** The Worker's module, from the project's root; benchmarks serve one with a meter. */
  entry?: string;
  /** 0 picks a free port. */
  port: number;
  /** Folder of the database and the objects; without one they live as long as the runtime. */
  persistTo?: string;
  /** Overrides of `[vars]` in wrangler.toml. */
  vars?: Record<string, string>;
  onLog?: (line: LogLine) => void;
}

export interface Runtime {
  /** Origin without a trailing slash. */
  url: string;
  database: Database;
  /** Fires the cron trigger, which the local runtime never does by itself. */
  fireCron(): Promise<void>;
  close(): Promise<void>;
}

/** Bundles the Worker into one module, as `wrangler deploy` does. */
async function bundleWorker(entry: string): Promise<string> {
  const bundle = await rolldown({
    input: projectPath(entry),
    external: [/^cloudflare:/, /^node:/],
    platform: 'neutral',
    plugins: [textModules()],
    tsconfig: projectPath('workers/tsconfig.json'),
    resolve: {
      conditionNames: ['workerd', 'worker', 'browser', 'import', 'module'],
      mainFields: ['browser', 'module', 'main'],
    },
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, sourcemap: 'inline' });
  await bundle.close();
  return output[0].code;
}

function miniflareOptions(code: string, options: RuntimeOptions): ConstructorParameters<typeof Miniflare>[0] {
  const declared = readWorkerOptions(projectPath('wrangler.toml')).workerOptions;
  return convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: options.port,
    /** Without this the runtime asks the network for request metadata; everything here works offline. */
    cf: false,
    unsafeTriggerHandlers: true,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => options.onLog?.({ level, message }),
    /** The sub-folder is wrangler's, so that `wrangler d1 … --local --persist-to` sees the same database. */
    ...(options.persistTo ? { resourcePersistencePath: join(options.persistTo, 'v3') } : {}),
    workers: [
      {
        ...declared,
        name: WORKER_NAME,
        bindings: Object.assign({}, declared.bindings, LOCAL_VARS, options.vars),
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
 * Miniflare ends the process at the first signal. Whoever started the runtime decides what a signal means (finish, clean up,
 * report); its hook for the end of the process stays, so no workerd outlives it.
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

/** Starts the hosted side and applies the migrations it does not have yet. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const settings = miniflareOptions(await bundleWorker(options.entry ?? 'workers/index.ts'), options);
  const miniflare = withoutSignalHandlers(() => new Miniflare(settings));
  try {
    const url = (await miniflare.ready).origin;
    const database: Database = await miniflare.getD1Database(DATABASE_BINDING);
    await applyMigrations(database);
    return { url, database, fireCron: () => fireCron(url), close: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
