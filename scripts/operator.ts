/** `npm run operator`: makes an account an operator or sets a new password, in the deployed or the local database. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { deployedConfig } from './deploy/settings.ts';
import { accountRow, generatePassword, hashPassword } from './local/accounts.ts';
import { projectPath } from './local/project-path.ts';
import { isServing } from './local/serving.ts';
import { makeSetupLink } from './local/setup-link.ts';
import { makeTemporaryFolder } from './local/temporary-folder.ts';
import { readOptions, runScript, UsageError } from './local/words.ts';

const HELP = `Usage: npm run operator -- [--url https://orp.example.org] [--remote] [--persist-to .orp-dev]
       npm run operator -- --email ADDRESS [--name NAME] [--password-stdin] [--remote] [--persist-to .orp-dev]
       npm run operator -- --reset-password [--email ADDRESS] [--password-stdin] [--remote] [--persist-to .orp-dev]

Without --email, prints a link with which a person makes the first operator: it works once, for a day, and only while
there is none. --url is the address of the server, for the link. With --email, creates an operator account; an account
that exists becomes an operator and keeps its password. --reset-password gives an account a new password; without --email
it is the only operator. Without --password-stdin a password is generated and printed once. --remote changes the deployed
database. Devices that are signed in stay signed in.

  npm run operator -- --remote --url https://orp.example.org
  npm run operator -- --email mira@example.org
  npm run operator -- --reset-password`;

const SHOW_HELP = 'npm run operator -- --help';
const ADDRESS = /^[^\s@'"]+@[^\s@'"]+$/;

interface Settings {
  email: string | undefined;
  name: string | undefined;
  password: string | undefined;
  isReset: boolean;
  /** The address of the server, without a trailing slash. */
  url: string;
  /** The wrangler options that name the database. */
  place: string[];
}

async function readSettings(): Promise<Settings | 'help'> {
  const values = readOptions(
    {
      email: { type: 'string' },
      name: { type: 'string' },
      'password-stdin': { type: 'boolean', default: false },
      'reset-password': { type: 'boolean', default: false },
      remote: { type: 'boolean', default: false },
      'persist-to': { type: 'string' },
      url: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
    SHOW_HELP,
  );
  if (values.help) return 'help';
  const isReset = values['reset-password'];
  const email = values.email?.trim().toLowerCase();
  if (email === undefined && !isReset && (values.name !== undefined || values['password-stdin'])) {
    throw new UsageError('--email is missing.', SHOW_HELP);
  }
  if (email !== undefined && !ADDRESS.test(email)) {
    throw new UsageError(`--email ${JSON.stringify(values.email)} is not an e-mail address.`, SHOW_HELP);
  }
  if (values.remote && values['persist-to'] !== undefined) {
    throw new UsageError('--persist-to is a local folder; it does not go with --remote.', SHOW_HELP);
  }
  return {
    email,
    isReset,
    url: readUrl(values.url, values.remote),
    name: values.name?.trim() || undefined,
    place: values.remote
      ? ['--remote', ...deployedConfig()]
      : await localPlace(values['persist-to'] ?? '.orp-dev'),
    password: values['password-stdin'] ? readPassword() : undefined,
  };
}

function readUrl(given: string | undefined, isRemote: boolean): string {
  if (given === undefined) return isRemote ? '<address of the server>' : 'http://127.0.0.1:8787';
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given.replace(/\/+$/, '');
  throw new UsageError(`--url ${JSON.stringify(given)} is not the address of a server.`, SHOW_HELP);
}

/**
 * Returns the options for a local database. Throws if its server runs, because two programs must not write to one database.
 */
async function localPlace(persistTo: string): Promise<string[]> {
  const folder = resolve(persistTo);
  if (!existsSync(folder)) {
    throw new UsageError(
      `There is no local server in ${folder}.`,
      'Start it once with npm start, or name its folder with --persist-to.',
    );
  }
  if (await isServing(folder)) {
    throw new UsageError(
      `A server is serving from ${folder}.`,
      'Stop it first (Ctrl-C in its terminal), then repeat the command.',
    );
  }
  return ['--local', '--persist-to', folder];
}

function readPassword(): string {
  const password = readFileSync(0, 'utf8').replace(/[\r\n]+$/, '');
  if (password === '') {
    throw new UsageError(
      'The password on stdin is empty.',
      'Leave --password-stdin out to have one generated.',
    );
  }
  return password;
}

function quote(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

type Row = Record<string, unknown>;

/** Runs wrangler on the database. Returns the rows. */
function execute(place: string[], ...statement: string[]): Row[] {
  const args = ['d1', 'execute', 'orp-runner', ...place, '--json', '--yes', ...statement];
  const bin = process.env.ORP_WRANGLER ?? projectPath('node_modules/.bin/wrangler');
  const done = spawnSync(bin, args, {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
  if (done.status !== 0) {
    throw new UsageError(
      `The database could not be changed: wrangler d1 execute failed. ${done.stdout.trim()}`.trim(),
      'The lines above say why; for --remote, sign in with npx wrangler login.',
    );
  }
  return (JSON.parse(done.stdout) as { results?: Row[] }[])[0]?.results ?? [];
}

/** Runs SQL that contains a password hash from a private file, because every user of the machine can see a command line. */
function executePrivately(place: string[], sql: string): void {
  const folder = makeTemporaryFolder('orp-operator-');
  try {
    const file = join(folder, 'statement.sql');
    writeFileSync(file, sql, { mode: 0o600 });
    execute(place, '--file', file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the text for the person. The statements contain only the hash of the token. */
function printSetupLink({ place, url }: Settings): string {
  const { path, statements } = makeSetupLink(Date.now());
  const added = statements.flatMap((statement) => execute(place, '--command', statement));
  if (added.some((row) => row.hash)) {
    return `Make the first operator with this link (it works once, for a day):\n  ${url}${path}`;
  }
  throw new UsageError(
    'There is an operator already.',
    'Name an account with --email, or ask that operator for an invitation: orp admin invite.',
  );
}

/** Makes an account an operator. Returns the text for the person. */
function makeOperator(email: string, { place, password: given, name }: Settings): string {
  const promote = `UPDATE users SET role = 'operator' WHERE email = ${quote(email)} RETURNING id`;
  if (execute(place, '--command', promote).some((row) => row.id))
    return `${email} is an operator now; the password is unchanged.`;

  const password = given ?? generatePassword();
  const wanted = { email, password, role: 'operator' as const, ...(name === undefined ? {} : { name }) };
  const account = accountRow(wanted, Date.now());
  const columns = Object.keys(account).join(', ');
  const values = Object.values(account).map(quote).join(', ');
  executePrivately(place, `INSERT INTO users (${columns}) VALUES (${values})`);
  return given ? `Operator ${email} created.` : `Operator ${email} created, password ${password}`;
}

/** Sets a new password for an account, and clears the failed sign-ins, which may still block it. */
function resetPassword({ place, email: named, password: given }: Settings): string {
  const email = named ?? onlyOperator(place);
  const known = execute(place, '--command', `SELECT id FROM users WHERE email = ${quote(email)}`);
  if (known.length === 0) {
    throw new UsageError(`There is no account ${email}.`, 'Name one that exists with --email.');
  }
  const password = given ?? generatePassword();
  const hash = quote(hashPassword(password));
  executePrivately(
    place,
    `UPDATE users SET password_hash = ${hash} WHERE email = ${quote(email)};
     DELETE FROM sign_in_failures WHERE subject = ${quote(`account:${email}`)}`,
  );
  return given ? `${email} has the new password.` : `${email} has a new password: ${password}`;
}

function onlyOperator(place: string[]): string {
  const rows = execute(place, '--command', "SELECT email FROM users WHERE role = 'operator' ORDER BY email");
  const emails = rows.map((row) => String(row.email));
  const [first] = emails;
  if (first !== undefined && emails.length === 1) return first;
  const sentence =
    first === undefined ? 'There is no operator.' : `There are several operators: ${emails.join(', ')}.`;
  throw new UsageError(sentence, 'Name the account with --email.');
}

async function main(): Promise<number> {
  const settings = await readSettings();
  if (settings === 'help') console.log(HELP);
  else if (settings.isReset) console.log(resetPassword(settings));
  else if (settings.email === undefined) console.log(printSetupLink(settings));
  else console.log(makeOperator(settings.email, settings));
  return 0;
}

process.exitCode = await runScript(main);
