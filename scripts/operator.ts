/** `npm run operator`: makes an account an operator, in the deployed database or in the local one. */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accountRow, generatePassword } from './local/accounts.ts';
import { projectPath } from './local/project-path.ts';
import { makeTemporaryFolder } from './local/temporary-folder.ts';

const HELP = `Usage: npm run operator -- --email ADDRESS [--name NAME] [--password-stdin] [--remote] [--persist-to .orp-dev]

Creates an operator account; an account that exists becomes an operator and keeps its password.
Without --password-stdin a password is generated and printed once. --remote changes the deployed database.`;

const ADDRESS = /^[^\s@'"]+@[^\s@'"]+$/;

interface Settings {
  email: string;
  name?: string;
  password?: string;
  /** Where wrangler looks for the database. */
  place: string[];
}

function readSettings(): Settings | null {
  const { values } = parseArgs({
    options: {
      email: { type: 'string' },
      name: { type: 'string' },
      'password-stdin': { type: 'boolean', default: false },
      remote: { type: 'boolean', default: false },
      'persist-to': { type: 'string', default: '.orp-dev' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || !values.email || !ADDRESS.test(values.email)) return null;
  const password = values['password-stdin'] ? readFileSync(0, 'utf8').replace(/[\r\n]+$/, '') : undefined;
  return {
    email: values.email.trim().toLowerCase(),
    place: values.remote ? ['--remote'] : ['--local', '--persist-to', values['persist-to']],
    ...(values.name ? { name: values.name } : {}),
    ...(password ? { password } : {}),
  };
}

function quote(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

/** Runs wrangler on the database; answers the rows. */
function execute(place: string[], ...statement: string[]): { id?: string }[] {
  const args = ['d1', 'execute', 'orp-runner', ...place, '--json', '--yes', ...statement];
  const done = spawnSync(projectPath('node_modules/.bin/wrangler'), args, {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
  if (done.status !== 0) throw new Error(`wrangler d1 execute failed:\n${done.stdout}`);
  return (JSON.parse(done.stdout) as { results?: { id?: string }[] }[])[0]?.results ?? [];
}

/** Runs SQL that holds a password hash from a private file: a command line is seen by everybody on the machine. */
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

/** Answers what to tell the person. */
function makeOperator({ email, place, ...wanted }: Settings): string {
  const promote = `UPDATE users SET role = 'operator' WHERE email = ${quote(email)} RETURNING id`;
  if (execute(place, '--command', promote).some((row) => row.id))
    return `${email} is an operator now; the password is unchanged.`;

  const password = wanted.password ?? generatePassword();
  const account = accountRow({ ...wanted, email, password, role: 'operator' }, Date.now());
  const columns = Object.keys(account).join(', ');
  const values = Object.values(account).map(quote).join(', ');
  executePrivately(place, `INSERT INTO users (${columns}) VALUES (${values})`);
  return wanted.password ? `Operator ${email} created.` : `Operator ${email} created, password ${password}`;
}

const settings = readSettings();
if (settings === null) {
  console.error(HELP);
  process.exitCode = 2;
} else {
  console.log(makeOperator(settings));
}
