/** `npm run deploy`: deploys the server to Cloudflare. Every step can be repeated, and does nothing if it was done before. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, rollBack } from './deploy/rollback.ts';
import {
  DATABASE,
  ensureDatabase,
  locationOf,
  readSettings,
  SECRETS,
  type Settings,
  writeConfig,
} from './deploy/settings.ts';
import { mustRun, requireSignIn, runDeploy, wrangler } from './deploy/wrangler.ts';
import { projectPath } from './local/project-path.ts';
import { readOptions, runScript, UsageError } from './local/words.ts';

const HELP = `Usage: npm run deploy -- [--location weur] [--allow-dirty] [--wait-seconds 90] [--dry-run]
       npm run deploy -- --rollback [--to VERSION-ID] [--accept-newer-schema] [--dry-run]

Creates the database if it is missing (--location: where, which can never change), applies the migrations, deploys the
server with the version of this commit, and waits until /health names that version. --dry-run bundles the server and
says what would be done; it needs no Cloudflare account. --rollback goes back to the version that ran before.
The file deploy.env may set DOMAIN, LOCATION, SIGN_IN_CODE_WEBHOOK and ACCOUNT_LIMITS (docs/operations.md).`;

const SHOW_HELP = 'npm run deploy -- --help';
const POLL_MS = 2000;

const say = (text: string): void => console.log(text);

function git(...args: string[]): string | undefined {
  const done = spawnSync('git', args, { cwd: projectPath(''), encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

/** The version of this checkout, such as `0.6.0+1a2b3c4`. The version must identify exactly the code that runs. */
function readVersion(allowsDirty: boolean): string {
  const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
  const commit = git('rev-parse', '--short=7', 'HEAD');
  if (commit === undefined) return version;
  const isDirty = git('status', '--porcelain') !== '';
  if (isDirty && !allowsDirty) {
    throw new UsageError(
      'This checkout has changes that are not committed, so its version would name other code.',
      'Commit them, or add --allow-dirty for a trial.',
    );
  }
  return `${version}+${commit}${isDirty ? '.dirty' : ''}`;
}

function newestMigration(): string {
  const names = readdirSync(projectPath('migrations')).filter((name) => name.endsWith('.sql'));
  return (names.sort().at(-1) ?? 'none').replace(/\.sql$/, '');
}

function deployArguments(version: string, { domain, location, variables }: Settings): string[] {
  return [
    ...['--var', `SERVER_VERSION:${version}`, ...variables],
    // An object that is far from the database makes every claim slow.
    ...(location === undefined ? [] : ['--var', `OBJECT_LOCATION:${location}`]),
    ...(domain === undefined ? [] : ['--domain', domain]),
    ...['--tag', version.slice(0, 25), '--message', messageOf(version, newestMigration())],
  ];
}

function dryRun(version: string, settings: Settings): void {
  const { ok, stdout, stderr } = wrangler(['deploy', '--dry-run', ...deployArguments(version, settings)]);
  if (!ok) throw new UsageError(`The server cannot be bundled:\n${stdout}${stderr}`, 'Run npm run check.');
  say(`${/Total Upload: .*/.exec(stdout)?.[0] ?? stdout.trim()}
The bundle is complete. A deploy would:
  1. find the database ${DATABASE}, or create it ${settings.location === undefined ? '(--location names where)' : `in ${settings.location}`}
  2. check the secrets: ${SECRETS.map(({ name }) => name).join(', ')}
  3. apply the migrations up to ${newestMigration()}
  4. deploy version ${version}${settings.domain === undefined ? '' : ` at https://${settings.domain}`}
  5. wait until /health names that version
Nothing was changed.`);
}

/**
 * Lists the secrets that are missing. The server runs without secrets, and before the first deploy no server exists that could store
 * them.
 */
function checkSecrets(config: readonly string[]): void {
  const { ok, stdout, stderr } = wrangler(['secret', 'list', '--format', 'json', ...config]);
  const isFirst = !ok && /10007|does not exist|not found/i.test(`${stdout}${stderr}`);
  if (!ok && !isFirst)
    throw new UsageError(`The secrets cannot be listed. ${`${stdout}${stderr}`.trim()}`, SHOW_HELP);
  const known = ok ? (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name) : [];
  for (const { name, without, make } of SECRETS) {
    if (!known.includes(name)) say(`The secret ${name} is not set: ${without}. To set it:\n  ${make}`);
  }
}

/** The point in time to which the database can be restored if the migrations do harm. */
function sayBookmark(config: readonly string[]): void {
  const { ok, stdout } = wrangler(['d1', 'time-travel', 'info', DATABASE, '--json', ...config]);
  const bookmark = ok ? /"bookmark":\s*"([^"]+)"/.exec(stdout)?.[1] : undefined;
  if (bookmark !== undefined)
    say(
      `Before the migrations the database is at this bookmark (docs/operations.md, "Restore"):\n  ${bookmark}`,
    );
}

/** Returns true when the server says that it runs this version. A new address takes a while to be known. */
async function isRunning(url: string, version: string, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; ; ) {
    const found = await fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000), redirect: 'error' })
      .then((answer) => answer.json() as Promise<{ version?: string }>)
      .catch(() => undefined);
    if (found?.version === version) return true;
    if (Date.now() >= end) return false;
    await sleep(POLL_MS);
  }
}

async function deploy(version: string, settings: Settings, waitSeconds: number): Promise<number> {
  requireSignIn();
  const config = writeConfig(ensureDatabase(settings.location, say));
  checkSecrets(config);
  sayBookmark(config);
  mustRun('The migrations were not applied', ['d1', 'migrations', 'apply', DATABASE, '--remote', ...config], {
    isShown: true,
  });
  const located = { ...settings, location: locationOf(config, settings.location) };
  const { targets, versionId } = runDeploy(['deploy', ...config, ...deployArguments(version, located)]);
  const url = urlOf(targets, settings);
  if (url === undefined) {
    say(`Version ${version} is deployed (${versionId ?? 'no id'}). wrangler named no address.`);
    return 0;
  }
  if (!(await isRunning(url, version, waitSeconds))) {
    console.error(`error: ${url}/health does not name version ${version} after ${waitSeconds} s.
hint: Look at ${url}/health and at npx wrangler tail. To go back: npm run deploy -- --rollback`);
    return 1;
  }
  say(`Version ${version} runs at ${url}

Next:
  npm run operator -- --remote --url ${url}   # the first time: a link that makes the first operator
  npm run smoke -- --url ${url}               # the whole path of a job against this server`);
  return 0;
}

/** The address that people use: the domain, or else the one that wrangler names. */
function urlOf(targets: readonly string[], { domain }: Settings): string | undefined {
  if (domain !== undefined) return `https://${domain}`;
  return targets.find((target) => /^https?:\/\//.test(target))?.replace(/\/+$/, '');
}

async function main(): Promise<number> {
  const values = readOptions(
    {
      location: { type: 'string' },
      'allow-dirty': { type: 'boolean', default: false },
      'wait-seconds': { type: 'string', default: '90' },
      'dry-run': { type: 'boolean', default: false },
      rollback: { type: 'boolean', default: false },
      to: { type: 'string' },
      'accept-newer-schema': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
    SHOW_HELP,
  );
  if (values.help) {
    say(HELP);
    return 0;
  }
  const waitSeconds = Number(values['wait-seconds']);
  if (!Number.isInteger(waitSeconds) || waitSeconds < 0)
    throw new UsageError(`--wait-seconds must be a whole number, not ${values['wait-seconds']}.`, SHOW_HELP);
  if (!values.rollback && (values.to !== undefined || values['accept-newer-schema']))
    throw new UsageError('--to and --accept-newer-schema go with --rollback.', SHOW_HELP);
  if (values.rollback) {
    requireSignIn();
    const { to, 'accept-newer-schema': acceptsNewerSchema, 'dry-run': isDryRun } = values;
    say(rollBack({ to, acceptsNewerSchema, isDryRun }));
    return 0;
  }
  const settings = readSettings(values.location);
  const version = readVersion(values['allow-dirty'] || values['dry-run']);
  if (values['dry-run']) {
    dryRun(version, settings);
    return 0;
  }
  return deploy(version, settings, waitSeconds);
}

process.exitCode = await runScript(main);
