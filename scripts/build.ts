/**
 * `npm run build`: bundles `orp` into `dist/`, which needs only Node. `dist/orp.js` is the command. Code that it does not
 * need at the start is in `dist/chunks/`.
 *
 * A single file starts slower, because every command would load the Node modules of all commands. Measured on two cores (Node
 * alone takes 35 ms): `orp --version` takes 95 ms instead of 50 ms, `orp runner status` 195 ms instead of 110 ms.
 */

import { chmodSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { isolatedDeclarationSync } from 'rolldown/experimental';
import { readOptions, runScript } from './local/words.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const DIST = `${ROOT}dist`;

/** The oldest supported Node. */
const TARGET = 'node22.12';

/**
 * Modules that are loaded together are in one chunk, because fewer files start faster. Other chunks follow the lazy imports.
 */
const CHUNKS = [
  { name: 'base', test: /cli\/(base\/(exit|version|interrupt)|node-version)\.ts/, priority: 5 },
  // The chunk for `orp runner status` contains only this file and its imports.
  { name: 'status', test: /cli\/plain-status\.ts/, priority: 4 },
  // `orp runner status` loads this chunk while no runner works, to say how the runner would drive the agent.
  {
    name: 'way',
    test: /cli\/(agents\/(codex-program|codex-version|app-server\/connection)|runner\/agent-server\/choose-way)\.ts/,
    priority: 3.5,
  },
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

/** Modules of Node with an export whose first use loads much: `fetch` in `http`, the Web Cryptography API in `crypto`. */
const LAZY = ['http', 'https', 'crypto'];

/**
 * Loads each of these modules with `getBuiltinModule`. An `import` would read all of its exports, which would cost 12 MB of memory and 40
 * ms at every start.
 */
const lazyModules = {
  name: 'lazy-modules',
  resolveId(source: string): string | undefined {
    const name = source.replace(/^node:/, '');
    return LAZY.includes(name) ? `\0lazy:${name}` : undefined;
  },
  load(id: string): string | undefined {
    if (!id.startsWith('\0lazy:')) return undefined;
    return `module.exports = process.getBuiltinModule('node:${id.slice('\0lazy:'.length)}');`;
  },
};

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return String(manifest.version);
  }
  throw new Error('package.json has no version');
}

/** `dist/client.js`, which other programs import as `orp-runner/client`: one file, and the types beside it. */
async function buildClient(): Promise<void> {
  const source = `${ROOT}cli/library/orp-client.ts`;
  const bundle = await rolldown({
    input: { client: source },
    cwd: ROOT,
    platform: 'neutral',
    transform: { target: TARGET },
  });
  await bundle.write({
    dir: DIST,
    format: 'esm',
    entryFileNames: '[name].js',
    codeSplitting: false,
    minify: true,
  });
  await bundle.close();
  const { code, errors } = isolatedDeclarationSync(source, readFileSync(source, 'utf8'), {
    sourcemap: false,
  });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  writeFileSync(`${DIST}/client.d.ts`, code);
}

async function build(): Promise<number> {
  readOptions({}, 'npm run build takes no options.');
  const bundle = await rolldown({
    input: { orp: `${ROOT}cli/main.ts` },
    cwd: ROOT,
    platform: 'node',
    external: (id) => id.startsWith('node:') && !LAZY.includes(id.slice('node:'.length)),
    plugins: [lazyModules],
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
  await buildClient();
  const bytes = globSync(`${DIST}/**/*.js`).reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(`wrote dist/orp.js (${Math.ceil(bytes / 1024)} KiB with its chunks)`);
  return 0;
}

process.exitCode = await runScript(build);
