/**
 * `npm run smoke -- --url …`: runs the whole path of a job against a server, with an `orp`, a repository and an agent in a
 * temporary folder, and removes what it made there. For use after each deploy.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ask, canAsk } from '../cli/output/terminal.ts';
import { TextOutput } from '../cli/output/text-output.ts';
import { serverHealth } from '../spec/overview/monitoring.ts';
import { chooseAgent } from './demo/agent-session.ts';
import { Progress } from './demo/progress.ts';
import { makeRepository, personEnv, removeFolder } from './demo/stage.ts';
import { buildOrp } from './local/build-orp.ts';
import { projectPath } from './local/project-path.ts';
import { makeTemporaryFolder } from './local/temporary-folder.ts';
import { readOptions, runScript, UsageError } from './local/words.ts';
import { type Credentials, cleanUp, type Made, play } from './smoke/flow.ts';
import type { Person } from './smoke/person.ts';

const HELP = `Usage: npm run smoke -- --url https://orp.example.org --email ADDRESS [--orp PATH]

Signs in, links a repository, queues a review and a prompt, runs them with a bundled agent, finds the answers on the
server, and removes everything again. It asks for the password, or reads it from a pipe or ORP_SMOKE_PASSWORD. With ORP_TOKEN, no
e-mail and no password are needed. Use an operator's account: then the console is checked, too. The account keeps one
machine, "smoke-…", and the ended jobs. --orp names an installed orp (default: the one of this checkout).

  npm run smoke -- --url http://127.0.0.1:8787 --email you@example.org < password.txt`;

const SHOW_HELP = 'npm run smoke -- --help';

interface Settings {
  url: string;
  orp: string[];
  credentials: Credentials | undefined;
}

async function readSettings(): Promise<Settings | 'help'> {
  const values = readOptions(
    {
      url: { type: 'string' },
      email: { type: 'string' },
      orp: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
    SHOW_HELP,
  );
  if (values.help) return 'help';
  const url = values.url?.replace(/\/+$/, '');
  if (url === undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError('--url must be the address of a server.', SHOW_HELP);
  const orp = values.orp === undefined ? projectPath('dist/orp.js') : resolve(values.orp);
  return { url, orp: [process.execPath, orp], credentials: await readCredentials(values.email) };
}

async function readPassword(): Promise<string> {
  if (process.env.ORP_SMOKE_PASSWORD !== undefined) return process.env.ORP_SMOKE_PASSWORD;
  const { stdin, stderr } = process;
  if (!canAsk({ stdin, stderr })) return readFileSync(0, 'utf8').replace(/[\r\n]+$/, '');
  return ask(
    { stdin, stderr: new TextOutput(stderr, process.env) },
    { message: 'Password:', isSecret: true },
  );
}

async function readCredentials(email: string | undefined): Promise<Credentials | undefined> {
  if (email === undefined) {
    if (process.env.ORP_TOKEN?.trim()) return undefined;
    throw new UsageError('--email is missing.', 'Name an account of the server, or set ORP_TOKEN.');
  }
  const password = await readPassword();
  if (password === '')
    throw new UsageError('The password is empty.', 'Give it on stdin or in ORP_SMOKE_PASSWORD.');
  return { email, password };
}

/** Checks the server before the flow creates anything on it. */
async function greet(url: string): Promise<string> {
  const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(15_000) }).catch(
    (error: Error) => {
      throw new Error(
        `${url} does not answer: ${(error.cause as Error | undefined)?.message ?? error.message}`,
      );
    },
  );
  if (answer.status === 404) return 'an older server, which has no /health';
  const read = serverHealth.safeParse(await answer.json().catch(() => undefined));
  if (!read.success) throw new Error(`${url}/health is not the health of an ORP server.`);
  const { version, database, cron } = read.data;
  if (!database.ok) throw new Error(`The database of ${url} does not answer (version ${version}).`);
  return `version ${version}, the database answers, cron ${cron.ok ? `ran at ${cron.lastRunAt}` : 'has not run yet'}`;
}

function makePerson({ url, orp, credentials }: Settings, folder: string): Person {
  const env = { ...personEnv(folder), ORP_BASE_URL: url };
  const token = process.env.ORP_TOKEN?.trim();
  return {
    url,
    orp,
    where: {
      cwd: makeRepository(folder),
      env: credentials === undefined && token ? { ...env, ORP_TOKEN: token } : env,
    },
  };
}

async function smoke(settings: Settings): Promise<number> {
  const folder = makeTemporaryFolder('orp-smoke-');
  const made: Made = { isSignedIn: false, isLinked: false, jobIds: [] };
  const progress = new Progress(new AbortController().signal);
  try {
    await progress.step('Look at the health of the server', () => greet(settings.url), String);
    if (settings.orp[1] === projectPath('dist/orp.js'))
      await progress.step('Build the orp command', buildOrp);
    const person = makePerson(settings, folder);
    let failure: Error | undefined;
    try {
      await play(person, { agent: chooseAgent(false), credentials: settings.credentials, progress, made });
    } catch (error) {
      failure = error as Error;
      console.log('failed');
    }
    const left = await cleanUp(person, made);
    for (const sentence of left) console.error(`warning: not cleaned up: ${sentence}`);
    if (failure !== undefined) throw failure;
    console.log('The smoke flow passed, and what it made is removed.');
    return left.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`\nerror: the smoke flow failed: ${(error as Error).message}`);
    return 1;
  } finally {
    removeFolder(folder);
  }
}

async function main(): Promise<number> {
  const settings = await readSettings();
  if (settings !== 'help') return smoke(settings);
  console.log(HELP);
  return 0;
}

process.exit(await runScript(main));
