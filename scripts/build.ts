/**
 * `npm run build`: bundles `orp` into `dist/`, which needs nothing but Node. `dist/orp.js` is the command; what it does not
 * need at once stands in `dist/chunks/`.
 *
 * One single file starts slower: every module of Node that any command uses is then loaded for all of them (measured on
 * two cores, Node alone 35 ms: `orp --version` 95 ms against 50 ms, `orp runner status` 195 ms against 110 ms).
 */

import { chmodSync, globSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { readOptions, runScript } from './local/words.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const DIST = `${ROOT}dist`;

/** The oldest Node that people run it on. */
const TARGET = 'node22.12';

/** What is loaded together stands together; fewer files start faster. The rest follows the lazy imports. */
const CHUNKS = [
  { name: 'base', test: /cli\/(base\/(exit|version|interrupt)|node-version)\.ts/, priority: 5 },
  // With all that it imports, and nothing else: what `orp runner status` needs.
  { name: 'status', test: /cli\/plain-status\.ts/, priority: 4 },
  {
    name: 'program',
    test: /node_modules\/commander|cli\/(program|arguments|commands\/shell)\.ts/,
    priority: 3,
  },
  {
    name: 'local',
    test: /cli\/((files|git|records|status)\/|commands\/(link|link-session|runner-local|session-output)\.ts)/,
    priority: 2,
  },
  { name: 'service', test: /node_modules\/zod|spec\/|cli\/client/, priority: 1 },
];

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version);
  }
  throw new Error('package.json has no version');
}

async function build(): Promise<number> {
  readOptions({}, 'npm run build takes no options.');
  const bundle = await rolldown({
    input: { orp: `${ROOT}cli/main.ts` },
    cwd: ROOT,
    platform: 'node',
    external: /^node:/,
    // Of `plist` only the builder is used; its parsers would be a third of the program.
    treeshake: { moduleSideEffects: [{ test: /node_modules\/(plist|@xmldom)\//, sideEffects: false }] },
    transform: {
      target: TARGET,
      define: {
        ORP_BUILD_VERSION: JSON.stringify(packageVersion()),
      },
    },
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  await bundle.write({
    dir: DIST,
    cleanDir: true,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: { groups: CHUNKS },
    minify: true,
    banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
  });
  await bundle.close();
  chmodSync(`${DIST}/orp.js`, 0o755);
  const bytes = globSync(`${DIST}/**/*.js`).reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(`wrote dist/orp.js (${Math.ceil(bytes / 1024)} KiB with its chunks)`);
  return 0;
}

process.exitCode = await runScript(build);
