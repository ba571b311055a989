/** Does each missing step of `orp setup`. Each function calls the command of its step and does not print the command's output. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { addIdea, listIdeas } from '../../spec/contract/ideas.ts';
import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import { findAgentProblem } from '../agents/codex-program.ts';
import { CliError, messageOf } from '../base/exit.ts';
import { firstLineOf, oneLine } from '../base/one-line.ts';
import { pause } from '../base/pause.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { requireGit } from '../git/repository.ts';
import { type Context, withStreams } from '../output/context.ts';
import { said } from '../output/page.ts';
import { ask } from '../output/terminal.ts';
import { findSession, readSessions } from '../records/sessions/sessions.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { STARTERS } from '../runner/agent-server/find-sessions.ts';
import { login, verify } from './auth.ts';
import { type DiscoveredSession, discoverSessions, sessionChoices } from './discovered-sessions.ts';
import { submit } from './job-submit.ts';
import { bindProject } from './link-bind.ts';
import { registerSession } from './link-session-register.ts';
import { choose, IDEA_HEADS, ideaRow } from './pick.ts';
import { setEnabled } from './runner-local.ts';
import { sync } from './runner-report.ts';
import { gatherStatus } from './runner-status.ts';
import { install, WAIT_SECONDS } from './service-orders.ts';
import { suggestName } from './session-picker.ts';
import type { StepName } from './setup-state.ts';

/** Returns false if the person declined an optional step. */
type DoStep = (context: Context) => Promise<boolean>;

export const SETUP_STEPS: Readonly<Record<StepName, DoStep>> = {
  sign_in: signIn,
  link: linkRepository,
  session: linkSession,
  enable: async (context) => {
    await setEnabled(quiet(context), true);
    return true;
  },
  sync: async (context) => {
    await sync(quiet(context), { roots: [], isWhole: false });
    return true;
  },
  service: installService,
  hello: sayHello,
};

/** The result of a command is not printed, because `setup` prints the state of the step. Questions and warnings are. */
function quiet(context: Context): Context {
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
  return withStreams(context, { stdout, stderr: context.stderr.device });
}

/** A sentence above a question. The question itself stays short, because a terminal breaks it anywhere. */
function explain(context: Context, sentence: string): void {
  context.stderr.print(said('note', sentence));
}

/** Enter means yes. */
async function confirm(context: Context, question: string): Promise<boolean> {
  const answer = await ask(context, { message: `${question} [Y/n]`, isSecret: false });
  return /^\s*(y|yes)?\s*$/i.test(answer);
}

async function signIn(context: Context): Promise<boolean> {
  await login(quiet(context), {});
  // An older server sends a code by email.
  if (readRemoteSession(context.env).pending_verification !== null) await verify(quiet(context), {});
  return true;
}

async function linkRepository(context: Context): Promise<boolean> {
  const { root } = requireGit(await context.repository());
  const client = await signedInClient(context);
  const { ideas: found } = await send(client, listIdeas, { query: { limit: MOST_IDEAS } });
  const ideas = (Array.isArray(found) ? found : []).filter(isObject);
  const fresh: JsonObject = { title: 'a new idea' };
  const name = basename(root);
  explain(context, 'An idea groups the work on a repository. You find the jobs of this repository under it.');
  const chosen =
    ideas.length === 0
      ? fresh
      : await choose(context, {
          noun: 'idea',
          question: 'Which idea?',
          entries: [...ideas, fresh],
          heads: IDEA_HEADS,
          row: (idea) => ideaRow(idea, context.now()),
          preferred: ideas.find((idea) => readString(idea, 'title') === name) ?? fresh,
        });
  const idea = chosen === undefined || chosen === fresh ? await createIdea(context, name) : chosen;
  await bindProject(quiet(context), {
    ideaId: readString(idea, 'id') ?? '',
    ideaTitle: readString(idea, 'title') ?? '',
  });
  return true;
}

const MOST_IDEAS = 10;

async function createIdea(context: Context, suggested: string): Promise<JsonObject> {
  const message = `Title of the new idea? [${oneLine(suggested)}]`;
  const title = (await ask(context, { message, isSecret: false })).trim() || suggested;
  const answer = await send(await signedInClient(context), addIdea, { body: { title, notes: '' } });
  return isObject(answer.idea) ? answer.idea : answer;
}

const MOST_SESSIONS = 10;

async function linkSession(context: Context): Promise<boolean> {
  const repository = requireGit(await context.repository());
  const problem = await findAgentProblem({ env: context.env });
  if (problem !== undefined) {
    throw new CliError(problem.message, {
      code: problem.code,
      hint: `Run \`${problem.command}\`, sign in with \`codex login\`, then run \`orp setup\` again.`,
    });
  }
  const sessions = (await discoverSessions(context, false)).filter(({ linked }) => !linked);
  const picked = (await chooseSession(context, sessions.slice(0, MOST_SESSIONS))) ?? {
    ...NEW_SESSION,
    id: await startSession(context, repository.root),
  };
  const stored = readSessions(repository, context.now()).sessions;
  const name = suggestName(picked, (each) => findSession(stored, each) === undefined);
  const { id: codexSessionId, agent } = picked;
  const record = { orpSessionId: name, label: name, codexSessionId, agent, primary: true };
  await registerSession(quiet(context), record);
  return true;
}

const NEW_SESSION: DiscoveredSession = {
  ...{ agent: DEFAULT_AGENT, id: '', cwd: '', last_active_at_utc: '', branch: null },
  ...{ first_prompt: '', open: false, linked: false },
};

/** Returns undefined for a new session. */
async function chooseSession(
  context: Context,
  sessions: readonly DiscoveredSession[],
): Promise<DiscoveredSession | undefined> {
  if (sessions.length === 0) {
    explain(context, 'Codex has no session in this folder. orp can start one; that takes one short turn.');
    if (await confirm(context, 'Start a session?')) {
      return undefined;
    }
    throw new CliError('A session of an agent is needed to answer prompts.', {
      code: 'no_session',
      hint: 'Start one with `codex` in this folder, then run `orp setup` again.',
    });
  }
  const choices = sessionChoices(context, [...sessions, NEW_SESSION]);
  const chosen = await choose(context, {
    ...choices,
    question: 'Which session gets your prompts?',
    row: (session) => (session === NEW_SESSION ? NEW_ROW : choices.row(session)),
    preferred: sessions[0],
  });
  return chosen === NEW_SESSION ? undefined : chosen;
}

const NEW_ROW = ['', '', '', 'start a new session'].map((cell) => ({ text: cell }));

async function startSession(context: Context, folder: string): Promise<string> {
  context.stderr.print(said('busy', 'Codex starts a session. This takes a few seconds.'));
  const start = STARTERS.get(DEFAULT_AGENT);
  if (start === undefined) throw new Error(`No way to start a session of ${DEFAULT_AGENT}.`);
  return start(context.env, folder);
}

/** A machine without a service manager works without the service. */
async function installService(context: Context): Promise<boolean> {
  explain(context, 'The runner claims and runs your jobs. As a service, it starts when you log in.');
  if (!(await confirm(context, 'Install the service?'))) return false;
  try {
    await install(quiet(context), [], { wait: WAIT_SECONDS });
    return true;
  } catch (error) {
    const hint = error instanceof CliError ? error.hint : undefined;
    context.warn(`The service could not be installed: ${messageOf(error)}`, hint);
    return false;
  }
}

const HELLO = 'Hello! Answer with one short sentence, and change nothing.';
/** A first answer may take a while, because the agent reads its instructions. */
const HELLO_SECONDS = 300;

async function sayHello(context: Context): Promise<boolean> {
  const isRunning = await waitForRunner(context);
  context.stderr.print(['\n', said('busy', `Your first prompt: ${HELLO}`), '\n']);
  const answer = submit(context, HELLO, { wait: true, waitTimeout: HELLO_SECONDS });
  const code = isRunning ? await answer : await besideRunner(context, answer);
  if (code === 0) return true;
  throw new CliError('Your agent did not answer the first prompt.', {
    code: 'no_answer',
    hint: 'Run `orp doctor` to find out why, then `orp setup` again.',
  });
}

/** A service that was just started needs a moment. */
const START_LOOKS = 20;
const START_LOOK_MS = 500;

async function waitForRunner(context: Context): Promise<boolean> {
  for (let looks = 0; ; looks += 1) {
    const { runner, service } = await gatherStatus(context);
    if (runner.running || !service.installed || looks === START_LOOKS) return runner.running;
    await pause(START_LOOK_MS);
  }
}

/** Runs a runner until the work is done. As always, the runner is a separate process. */
async function besideRunner<T>(context: Context, work: Promise<T>): Promise<T> {
  const words = [process.argv[1] ?? 'orp', '--repo-root', context.repoRoot, 'runner', 'work'];
  const runner = spawn(process.execPath, [...process.execArgv, ...words], {
    env: context.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const told = text(runner.stderr);
  const ended = once(runner, 'close');
  const early = ended.then(async () => {
    throw new CliError(`The runner ended: ${firstLineOf(await told)}`, {
      code: 'runner_ended',
      hint: 'Run `orp runner work` to see why.',
    });
  });
  try {
    return await Promise.race([work, early]);
  } finally {
    early.catch(() => undefined);
    work.catch(() => undefined);
    runner.kill('SIGTERM');
    await ended;
  }
}
