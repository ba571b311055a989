/**
 * `npm run release:smoke`: checks everything that must work before a release, with the package as people will install it. The first
 * failure ends it. At the end, the temporary folder and the idea that it made on the server are removed.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRepository, removeFolder } from './demo/stage.ts';
import { isolatedEnv } from './local/orp-command.ts';
import { projectPath } from './local/project-path.ts';
import { runProcess, type Where } from './local/run-process.ts';
import { makeTemporaryFolder } from './local/temporary-folder.ts';
import { firstSentence, readOptions, runScript, UsageError } from './local/words.ts';
import { npm, pack } from './release/package.ts';

const HELP = `Usage: npm run release:smoke -- [--hosted [--base-url URL]] [--worker] [--codex-session-id ID] [--skip-tests] [--keep-temp]

Runs the tests, asks the registry which versions are published, packs and (dry run) publishes, installs the tarball into an
empty folder, and uses it in an empty repository. --hosted also uses it with the server on which you are signed in (or
ORP_TOKEN): an idea, a world and a queued review; --worker then runs that review. --codex-session-id: the session for the
world (default: CODEX_THREAD_ID).`;

const SHOW_HELP = 'npm run release:smoke -- --help';
const MOST_LIMIT_BYTES = 300_000;

interface Settings {
  hosted: boolean;
  worker: boolean;
  baseUrl: string[];
  codexSessionId: string;
  skipTests: boolean;
  keepTemp: boolean;
}

function readSettings(): Settings | 'help' {
  const values = readOptions(
    {
      hosted: { type: 'boolean', default: false },
      worker: { type: 'boolean', default: false },
      'base-url': { type: 'string' },
      'codex-session-id': { type: 'string' },
      'skip-tests': { type: 'boolean', default: false },
      'keep-temp': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
    SHOW_HELP,
  );
  if (values.help) return 'help';
  const hosted = values.hosted || values.worker;
  const codexSessionId = values['codex-session-id'] ?? process.env.CODEX_THREAD_ID ?? '';
  if (hosted && codexSessionId.trim() === '')
    throw new UsageError('The hosted part needs a Codex session.', 'Name it with --codex-session-id.');
  return {
    hosted,
    worker: values.worker,
    baseUrl: values['base-url'] === undefined ? [] : ['--base-url', values['base-url']],
    codexSessionId,
    skipTests: values['skip-tests'],
    keepTemp: values['keep-temp'],
  };
}

/** Where the smoke works, and what it has to remove. */
interface Place {
  folder: string;
  /** The installed `orp`. */
  orp: string;
  repository: string;
  ideaId?: string;
}

async function step(
  title: string,
  work: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  console.log(`== ${title}`);
  const told = await work();
  if (told !== undefined) console.log(`   ${told}`);
}

/** Runs the installed `orp`. Only the exit code counts, except where a caller reads a field. */
async function orp(place: Place, where: Where, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess([place.orp, ...args], where);
  if (code !== 0) throw new Error(`orp ${args.join(' ')} ended with ${code}: ${`${stderr}${stdout}`.trim()}`);
  return stdout;
}

function runTests(): undefined {
  const done = spawnSync('npm', ['test'], { cwd: projectPath(''), stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) throw new Error('The tests are red.');
}

/** Returns the published versions. If the package was never published, returns none. */
function askRegistry(): string {
  try {
    const text = npm(['view', 'orp-runner', 'version', 'dist-tags', '--json'], projectPath(''));
    return `published: ${text.replaceAll(/\s+/g, ' ').trim()}`;
  } catch (error) {
    if (/E404/.test((error as Error).message)) return 'nothing is published yet';
    throw new Error(`The registry was not asked: ${firstSentence(error)}`);
  }
}

function installPackage(folder: string): string {
  const tarball = pack(folder);
  if (tarball.bytes > MOST_LIMIT_BYTES)
    throw new Error(`The tarball has ${tarball.bytes} bytes, more than ${MOST_LIMIT_BYTES}.`);
  const prefix = join(folder, 'prefix');
  mkdirSync(prefix);
  const options = ['--global', '--offline', '--omit=optional', '--prefix', prefix, '--loglevel=error'];
  npm(['install', ...options, tarball.path], folder);
  return join(prefix, 'bin', 'orp');
}

/** Runs the local commands in a repository without a link, with separate settings. */
async function useLocally(place: Place): Promise<undefined> {
  const where = { cwd: place.repository, env: isolatedEnv(place.folder) };
  const session = ['--orp-session-id', 'main', '--label', 'Main', '--codex-session-id', 'smoke-session'];
  for (const args of [
    ['about'],
    ['runner', 'status'],
    ['link', 'session', 'register', ...session, '--primary'],
    ['link', 'session', 'list'],
    ['link', 'status'],
    ['runner', 'enable'],
    ['runner', 'policy', 'show'],
    ['runner', 'disable'],
    ['link', 'session', 'remove', 'main'],
  ])
    await orp(place, where, [...args, '--json']);
}

async function useHosted(place: Place, settings: Settings): Promise<string> {
  const where = { cwd: place.repository, env: process.env };
  const read = async <Document>(...args: string[]) =>
    JSON.parse(await orp(place, where, [...args, ...settings.baseUrl, '--json'])) as Document;
  await read('whoami');
  await read('ideas', 'list', '--limit', '5');
  const added = await read<{ idea: { id: string } }>(
    'idea',
    'add',
    '--title',
    'Release smoke',
    '--notes',
    'May be deleted.',
  );
  place.ideaId = added.idea.id;
  await read('idea', 'show', place.ideaId);
  const world = ['--name', 'release-smoke', '--project-root', place.repository];
  const github = ['--github-url', 'https://github.com/orp-runner/release-smoke'];
  await read(
    'world',
    'bind',
    place.ideaId,
    ...world,
    ...github,
    '--codex-session-id',
    settings.codexSessionId,
  );
  for (let look = 1; ; look += 1) {
    const shown = await read<{ world?: { id?: string } }>('world', 'show', place.ideaId);
    if (shown.world?.id?.trim()) break;
    if (look === 5) throw new Error('The world has no id.');
    await sleep(1000);
  }
  await read('checkpoint', 'queue', '--idea-id', place.ideaId);
  if (settings.worker) await read('agent', 'work', '--once');
  return `idea ${place.ideaId}`;
}

async function smoke(settings: Settings, place: Place): Promise<void> {
  if (!settings.skipTests) await step('Tests: npm test', runTests);
  await step('Registry: npm view orp-runner', askRegistry);
  await step('Dry runs: npm pack, npm publish', () => {
    npm(['pack', '--dry-run'], projectPath(''));
    npm(['publish', '--dry-run'], projectPath(''));
    return undefined;
  });
  await step('Pack, and install globally into an empty prefix', async () => {
    place.orp = installPackage(place.folder);
    const where = { cwd: place.folder, env: isolatedEnv(place.folder) };
    await orp(place, where, ['-h']);
    return `orp ${(await orp(place, where, ['--version'])).trim()}`;
  });
  place.repository = makeRepository(place.folder);
  await step('Commands in an empty repository', () => useLocally(place));
  if (settings.hosted) await step('Commands on the server', () => useHosted(place, settings));
}

async function cleanUp(settings: Settings, place: Place): Promise<void> {
  if (place.ideaId !== undefined) {
    const where = { cwd: place.repository, env: process.env };
    await orp(place, where, ['idea', 'remove', place.ideaId, '--purge', ...settings.baseUrl, '--json']).catch(
      () => undefined,
    );
  }
  if (settings.keepTemp) console.log(`Kept ${place.folder}`);
  else removeFolder(place.folder);
}

async function main(): Promise<number> {
  const settings = readSettings();
  if (settings === 'help') {
    console.log(HELP);
    return 0;
  }
  const place: Place = { folder: makeTemporaryFolder('orp-release-'), orp: '', repository: '' };
  try {
    await smoke(settings, place);
    console.log('The release smoke passed.');
    return 0;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    console.error(`error: the release smoke failed: ${(error as Error).message}`);
    return 1;
  } finally {
    await cleanUp(settings, place);
  }
}

process.exit(await runScript(main));
