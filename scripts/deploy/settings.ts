/**
 * The settings of one deployment, which are not in the repository: the file `deploy.env`, and `wrangler.deploy.toml`, which is
 * `wrangler.toml` with the id of the database. Git ignores both.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { projectPath } from '../local/project-path.ts';
import { UsageError } from '../local/words.ts';
import { mustRun, readJson, wrangler } from './wrangler.ts';

export const DATABASE = 'orp-runner';
/** The id in `wrangler.toml`. It stands for "find the database by its name". */
const NO_ID = '00000000-0000-0000-0000-000000000000';
const LOCATIONS = ['weur', 'eeur', 'apac', 'oc', 'wnam', 'enam'] as const;

/** The variables of `wrangler.toml` that an operator may set. */
const VARIABLES = ['SIGN_IN_CODE_WEBHOOK', 'ACCOUNT_LIMITS'] as const;
const KNOWN = ['DOMAIN', 'LOCATION', ...VARIABLES] as const;

/** The secrets of the server, and what is missing without them. */
export const SECRETS = [
  {
    name: 'METRICS_TOKEN',
    without: 'the server has no /metrics',
    make: 'openssl rand -hex 32 | npx wrangler secret put METRICS_TOKEN --config wrangler.deploy.toml',
  },
] as const;

/** Returns the path of a file of this deployment. Tests set `ORP_DEPLOY_FOLDER`. */
function deployFile(name: string): string {
  const folder = process.env.ORP_DEPLOY_FOLDER;
  return folder === undefined ? projectPath(name) : join(folder, name);
}

export interface Settings {
  /** A host name of a zone in the account, for example `orp.example.org`. */
  domain: string | undefined;
  location: string | undefined;
  /** `--var` options. */
  variables: string[];
}

export function readSettings(location: string | undefined): Settings {
  const path = deployFile('deploy.env');
  const values: Record<string, string | undefined> = existsSync(path)
    ? parseEnv(readFileSync(path, 'utf8'))
    : {};
  for (const name of Object.keys(values)) {
    if (!KNOWN.some((known) => known === name))
      throw new UsageError(
        `deploy.env: ${name} is not a setting.`,
        `The settings are ${KNOWN.join(', ')}. Secrets are set with npx wrangler secret put.`,
      );
  }
  if (values.ACCOUNT_LIMITS) checkJson(values.ACCOUNT_LIMITS);
  return {
    domain: values.DOMAIN?.trim() || undefined,
    location: checkLocation(location ?? values.LOCATION?.trim()),
    variables: VARIABLES.flatMap((name) => (values[name] ? ['--var', `${name}:${values[name]}`] : [])),
  };
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new UsageError(
      'deploy.env: ACCOUNT_LIMITS is not JSON.',
      `Write it like ACCOUNT_LIMITS='{"queuedJobs": 500}'.`,
    );
  }
}

function checkLocation(location: string | undefined): string | undefined {
  if (!location || LOCATIONS.some((known) => known === location)) return location || undefined;
  throw new UsageError(
    `${location} is not a location of a database.`,
    `Choose the one nearest to you: ${LOCATIONS.join(', ')} (Western and Eastern Europe, Asia Pacific, Oceania, Western and Eastern North America).`,
  );
}

/**
 * Finds the database, or creates it. Its location can never change, so the operator must name it. Wrangler would create a
 * missing database by itself, but near the person who deploys, and only after the migrations would have needed it.
 */
export function ensureDatabase(location: string | undefined, say: (text: string) => void): string {
  const configured = /^database_id = "(.+)"$/m.exec(readFileSync(projectPath('wrangler.toml'), 'utf8'))?.[1];
  if (configured !== undefined && configured !== NO_ID) {
    say(`The database has the id of wrangler.toml: ${configured}.`);
    return configured;
  }
  const known = findDatabase();
  if (known !== undefined) {
    say(`The database ${DATABASE} exists: ${known}.`);
    return known;
  }
  if (location === undefined) {
    throw new UsageError(
      `There is no database ${DATABASE} in this Cloudflare account, and its location is not named.`,
      `Name the location nearest to you, which can never change: npm run deploy -- --location weur (${LOCATIONS.join(', ')}).`,
    );
  }
  mustRun('The database was not created', [
    'd1',
    'create',
    DATABASE,
    '--location',
    location,
    '--update-config=false',
  ]);
  const made = findDatabase();
  if (made === undefined)
    throw new UsageError(
      `The database ${DATABASE} was created but is not listed yet.`,
      'Wait a moment, then repeat the command.',
    );
  say(`The database ${DATABASE} was created in ${location}: ${made}.`);
  return made;
}

/**
 * The location of the database, where the objects of new machines are made, too. If Cloudflare does not name it, the one that
 * the operator named.
 */
export function locationOf(config: readonly string[], named: string | undefined): string | undefined {
  const { ok, stdout } = wrangler(['d1', 'info', DATABASE, '--json', ...config]);
  const region = ok ? /"running_in_region":\s*"(\w+)"/.exec(stdout)?.[1]?.toLowerCase() : undefined;
  return LOCATIONS.find((location) => location === region) ?? named;
}

function findDatabase(): string | undefined {
  const listed = readJson<{ uuid: string; name: string }[]>('The databases cannot be listed', [
    'd1',
    'list',
    '--json',
  ]);
  return listed.find(({ name }) => name === DATABASE)?.uuid;
}

/** Writes the configuration of this deployment. Returns its option. */
export function writeConfig(databaseId: string): string[] {
  const source = readFileSync(projectPath('wrangler.toml'), 'utf8');
  const text = source.replace(/^database_id = ".+"$/m, `database_id = "${databaseId}"`);
  const about = '# Written by npm run deploy: wrangler.toml with the id of the database. Do not edit it.\n';
  const path = deployFile('wrangler.deploy.toml');
  writeFileSync(path, about + text);
  return ['--config', path];
}

/** The option for a command on the deployed database, such as `npm run operator -- --remote`. */
export function deployedConfig(): string[] {
  return writeConfig(ensureDatabase(undefined, () => undefined));
}
