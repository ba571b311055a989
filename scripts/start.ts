/** `npm start`: runs the server on this machine. Its state is kept after a restart. */

import { resolve } from 'node:path';
import { lock } from 'proper-lockfile';
import { shellWord } from '../cli/base/shell-word.ts';
import { makeFolder, openness } from '../cli/files/private-folder.ts';
import { buildOrp } from './local/build-orp.ts';
import { createFirstOperator, type Operator } from './local/first-operator.ts';
import { projectPath } from './local/project-path.ts';
import { type LogLine, type Runtime, startRuntime } from './local/runtime.ts';
import { isPortFree, LOCK_STALE_MS, servingLock } from './local/serving.ts';
import { readOptions, runScript, UsageError } from './local/words.ts';

const DEFAULT_PORT = 8787;
const DEFAULT_STATE = '.orp-dev';
const CRON_INTERVAL_MS = 60_000;

const HELP = `Usage: npm start -- [--port ${DEFAULT_PORT}] [--persist-to ${DEFAULT_STATE}] [--verbose]

Serves the hosted side on http://127.0.0.1:<port>. While there is no operator, it prints a link with which you make the
first one. With ORP_DEV_EMAIL or ORP_DEV_PASSWORD in the environment, it creates that account itself.`;

interface Settings {
  port: number;
  persistTo: string;
  verbose: boolean;
}

function readSettings(): Settings | 'help' {
  const options = {
    port: { type: 'string' },
    'persist-to': { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const parsed = readOptions(options, 'npm start -- --help');
  if (parsed.help) return 'help';
  const port = Number(parsed.port ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(
      `--port must be a number from 0 to 65535, not ${parsed.port}.`,
      'npm start -- --port 8788',
    );
  }
  return { port, persistTo: resolve(parsed['persist-to'] ?? DEFAULT_STATE), verbose: parsed.verbose };
}

/** Locks the folder while this server runs, because two runtimes in one folder would corrupt the database. */
async function holdState(folder: string): Promise<() => Promise<void>> {
  makeFolder(folder);
  if (openness(folder) !== undefined) {
    console.error(
      `warning: other users of this computer can look into ${folder}; run: chmod 700 ${shellWord(folder)}`,
    );
  }
  try {
    return await lock(folder, { stale: LOCK_STALE_MS, lockfilePath: servingLock(folder) });
  } catch {
    throw new UsageError(
      `Another hosted side is already serving from ${folder}.`,
      'End it first, or choose another folder: npm start -- --persist-to <folder> --port <port>',
    );
  }
}

function printLog(verbose: boolean): (line: LogLine) => void {
  return ({ level, message }) => {
    if (verbose || level === 'error' || level === 'warn') console.error(message);
  };
}

function fireCronEveryMinute(runtime: Runtime): () => void {
  const timer = setInterval(() => {
    runtime.fireCron().catch((error: Error) => console.error(`warning: ${error.message}`));
  }, CRON_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Resolves at the first Ctrl-C, SIGTERM or SIGHUP. A second signal exits at once. */
function untilAskedToStop(): Promise<void> {
  return new Promise((stop) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        stop();
      });
    }
  });
}

async function serve(settings: Settings): Promise<void> {
  const stopped = untilAskedToStop();
  if (!(await isPortFree(settings.port))) {
    throw new UsageError(`Port ${settings.port} is in use.`, 'Choose another one: npm start -- --port 8788');
  }
  const releaseState = await holdState(settings.persistTo);
  makeCommand();
  const runtime = await startRuntime({ ...settings, onLog: printLog(settings.verbose) });
  try {
    const operator = await createFirstOperator(runtime.database);
    console.log(welcome(runtime.url, settings.persistTo, operator));
    const stopCron = fireCronEveryMinute(runtime);
    await stopped;
    stopCron();
  } finally {
    await runtime.close();
    await releaseState();
  }
  console.error('Stopped.');
}

/** Builds the `orp` command that the welcome text names. The server also runs without it. */
function makeCommand(): void {
  try {
    buildOrp();
  } catch (error) {
    console.error(`warning: ${(error as Error).message}`);
  }
}

function welcome(url: string, folder: string, operator: Operator): string {
  const ignored = operator.ignored.map(
    (name) => `${name} is ignored: the account ${operator.email} exists already.\n`,
  );
  const account = operator.email === undefined ? [] : [`--email ${operator.email}`];
  const login = ['node', shellWord(projectPath('dist/orp.js')), 'auth login --base-url', url, ...account];
  return `The hosted side is ready on ${url}
It keeps its state in ${folder} and fires the cron trigger every minute. Press Ctrl-C to stop it.

${firstSteps(url, operator)}Sign in from another terminal:
  ${login.join(' ')}
${ignored.join('')}Lost the password? Stop the server and run:
  ${resetCommand(folder, operator.email)}
`;
}

function firstSteps(url: string, { email, password, setupPath }: Operator): string {
  if (setupPath !== undefined)
    return `There is no operator yet. Make the first one with this link (it works once, for a day):\n  ${url}${setupPath}\n\n`;
  if (password === undefined) return '';
  return `First operator account (copy the password now: it is not shown again):\n  e-mail    ${email}\n  password  ${password}\n\n`;
}

function resetCommand(folder: string, email: string | undefined): string {
  const place = folder === resolve(DEFAULT_STATE) ? [] : ['--persist-to', shellWord(folder)];
  const account = email === undefined ? [] : ['--email', shellWord(email)];
  return ['npm run operator -- --reset-password', ...account, ...place].join(' ');
}

async function main(): Promise<number> {
  const settings = readSettings();
  if (settings === 'help') console.log(HELP);
  else await serve(settings);
  return 0;
}

process.exit(await runScript(main));
