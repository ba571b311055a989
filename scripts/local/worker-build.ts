/**
 * Bundles the Worker for the local runtime, as `wrangler deploy` does. The bundle is kept until a source changes, because it
 * takes a second of processor time and the tests start the server about a hundred times.
 */

import { createHash } from 'node:crypto';
import {
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { unstable_getMiniflareWorkerOptions as readWorkerOptions } from 'wrangler';
import { projectPath } from './project-path.ts';
import { writeStaticFiles } from './static-files.ts';

export interface Migration {
  /** The file name of the migration. */
  name: string;
  statements: string[];
}

/** What the local runtime needs of the Worker. */
export interface WorkerBuild {
  /** The Worker as one module. */
  code: string;
  /** What wrangler.toml declares, as options of Miniflare. */
  declared: ReturnType<typeof readWorkerOptions>['workerOptions'];
  /** In the order in which they are applied. */
  migrations: Migration[];
}

const FOLDER = 'node_modules/.cache/orp-runner/worker';
const SOURCES = [
  'workers/**/*.*',
  'spec/**/*.ts',
  'test/workers/bench/*.ts',
  'scripts/local/*.ts',
  'migrations/*.sql',
];
const SETTINGS = ['wrangler.toml', 'package-lock.json'];

/** Builds the Worker whose module is `entry`, a path relative to the project, or returns the build that was kept. */
export async function buildWorker(entry: string): Promise<WorkerBuild> {
  writeStaticFiles();
  const name = entry.replaceAll('/', '-');
  const path = `${projectPath(FOLDER)}/${name}-${stateOfSources()}.json`;
  const kept = readKept(path);
  if (kept !== undefined) return kept;
  const [code, rest] = await Promise.all([bundle(entry), readSettings()]);
  const build = { code, ...rest };
  keep(build, { name, path });
  return build;
}

function readKept(path: string): WorkerBuild | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as WorkerBuild;
  } catch {
    return undefined;
  }
}

function keep(build: WorkerBuild, { name, path }: { name: string; path: string }): void {
  const folder = projectPath(FOLDER);
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) {
    if (old.startsWith(`${name}-`) && old.endsWith('.json')) rmSync(`${folder}/${old}`, { force: true });
  }
  // Another process may build and read at the same time, so the file appears complete.
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(build));
  renameSync(draft, path);
}

/** A key that changes if a source was changed, added or removed. */
function stateOfSources(): string {
  const sources = globSync([...SOURCES, ...SETTINGS], { cwd: projectPath('') }).sort();
  const lines = sources.map((source) => {
    const { mtimeMs, size } = statSync(projectPath(source));
    return `${source} ${mtimeMs} ${size}`;
  });
  return createHash('sha256')
    .update([projectPath(''), ...lines].join('\n'))
    .digest('hex');
}

/** The tools are loaded only for a build, because that takes most of a second. */
async function bundle(entry: string): Promise<string> {
  const { rolldown } = await import('rolldown');
  const made = await rolldown({
    input: projectPath(entry),
    external: [/^cloudflare:/, /^node:/],
    platform: 'neutral',
    tsconfig: projectPath('workers/tsconfig.json'),
    resolve: {
      conditionNames: ['workerd', 'worker', 'browser', 'import', 'module'],
      mainFields: ['browser', 'module', 'main'],
    },
  });
  const { output } = await made.generate({ format: 'esm', codeSplitting: false, sourcemap: true });
  await made.close();
  const [{ code, map }] = output;
  // Removes the sources from the source map. Stack traces need only names and lines, and the sources are three quarters of the bytes.
  const names = JSON.stringify({ ...map, sourcesContent: [] });
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(names).toString('base64')}`;
}

async function readSettings(): Promise<Pick<WorkerBuild, 'declared' | 'migrations'>> {
  const wrangler = await import('wrangler');
  const migrations = globSync('*.sql', { cwd: projectPath('migrations') })
    .sort()
    .map((name) => {
      const sql = readFileSync(projectPath(`migrations/${name}`), 'utf8');
      return { name, statements: wrangler.unstable_splitSqlQuery(sql) };
    });
  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(projectPath('wrangler.toml'));
  return { declared: workerOptions, migrations };
}
