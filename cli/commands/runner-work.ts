/** `orp runner work` (contract/cli-surface.md §5.5): claims jobs and runs them in the linked sessions. */

import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { MAX_TIMEOUT_SECONDS } from '../../spec/job/kinds.ts';
import { codexAgent } from '../agents/codex.ts';
import { signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../context.ts';
import { CliError, EXIT_INTERRUPTED, EXIT_NEGATIVE } from '../exit.ts';
import { loadMachine, requireEnabled } from '../link/machine.ts';
import { requireAuth } from '../link/remote-session.ts';
import { isLinkable, type LinkableRepository, requireGit, resolveRepo } from '../link/repository.ts';
import { type Candidate, inspectRoots, requireReadable } from '../link/sync-payload.ts';
import { formatTimestamp } from '../link/timestamps.ts';
import { oneLine, printResult } from '../output/print.ts';
import { DrainSwitch } from '../runner/drain-switch.ts';
import { httpService } from '../runner/http-service.ts';
import { listenerWaiter } from '../runner/listener-waiter.ts';
import { localRecords } from '../runner/local-records.ts';
import { pause } from '../runner/pause.ts';
import { findProcess } from '../runner/process/process-table.ts';
import type { RunnerLock } from '../runner/runner-lock.ts';
import { secretValues } from '../runner/secrets.ts';
import { becomeRunner } from '../runner/take-over.ts';
import type { Talk, WorkContext } from '../runner/work-context.ts';
import type { CycleOutcome } from '../runner/work-documents.ts';
import { WorkLoop } from '../runner/work-loop.ts';
import { collect, type Shell, withCommonOptions } from '../shell.ts';
import { clientVersion } from '../version.ts';

interface WorkOptions extends CommonOptions {
  once?: boolean;
  continuous?: boolean;
  pollInterval: number;
  transport: 'auto' | 'poll' | 'sse' | 'ws';
  heartbeatInterval: number;
  silenceLimit: number;
  dryRun?: boolean;
  linkedProjectRoot: string[];
  codexBin?: string;
  codexConfigProfile?: string;
  maxJobs: number;
  parallelInRepo?: boolean;
  takeover?: string | true;
  verbose?: boolean;
}

/** Set to 1 by the installed service, so that the lock can say how its holder was started. */
const SERVICE_VARIABLE = 'ORP_RUNNER_SERVICE';

/** Somebody waits for `--once`; a continuous runner goes on with other work after this long. */
const DELIVERY_LIMIT_MS = 120_000;

export function registerRunnerWork(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('work')
      .description('claim jobs and run them in the linked sessions')
      .option('--once', 'one cycle, then leave')
      .option('--continuous', 'go on until interrupted (the default without --once)')
      .option('--poll-interval <seconds>', 'pause between looks while idle', atLeastOne, 30)
      .addOption(
        new Option('--transport <way>', 'how to be woken')
          .choices(['auto', 'poll', 'sse', 'ws'])
          .default('auto'),
      )
      .option('--heartbeat-interval <seconds>', 'pause between heartbeats while working', atLeastOne, 20)
      .option('--silence-limit <seconds>', 'stop an agent that prints nothing; 0 never', atLeastZero, 1800)
      .option('--dry-run', 'show what would be claimed; claims nothing')
      .option('--linked-project-root <path>', 'a further repository to work in (repeatable)', collect, [])
      .option('--codex-bin <path>', 'Codex program (default: CODEX_BIN, else codex on the PATH)')
      .option('--codex-config-profile <name>', 'handed to Codex as CODEX_PROFILE')
      .option('--max-jobs <number>', 'work on so many jobs at once, each in its own repository', jobCount, 1)
      .option('--parallel-in-repo', 'also several jobs in one repository, each in its own session')
      .option(
        '--takeover [seconds]',
        'ask the runner that holds this machine to leave, and wait for it (default: 120 s)',
      )
      .option('--verbose', 'tell more about what goes on'),
  ).action((options: WorkOptions) => shell.run(options, (context) => work(context, options)));
}

function atLeastOne(value: string): number {
  return Math.max(1, wholeSeconds(value));
}

function atLeastZero(value: string): number {
  const number = wholeSeconds(value);
  if (number < 0 || number > MAX_TIMEOUT_SECONDS) {
    throw new InvalidArgumentError(`It must be 0 to ${MAX_TIMEOUT_SECONDS} seconds.`);
  }
  return number;
}

function wholeSeconds(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new InvalidArgumentError('It must be a whole number of seconds.');
  return number;
}

/** More agents than this at once is a slip of the finger: each of them is a program with a model behind it. */
const MOST_JOBS = 64;

function jobCount(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_JOBS) return number;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_JOBS}.`);
}

async function work(context: Context, options: WorkOptions): Promise<number> {
  const talk = talkOf(context, options);
  const prepared = await prepare(context, options, talk);
  const { drainSwitch, loop } = prepared;
  const stopListening = drainSwitch.listen();
  // A dry run claims nothing, so it disturbs nobody.
  const lock = options.dryRun ? undefined : await holdMachine(context, options, prepared);
  try {
    if (options.once || options.dryRun) {
      const outcome = await loop.once(options.dryRun ?? false);
      printResult(context, outcome.document, outcome.lines);
      if (drainSwitch.shutdown.aborted) return EXIT_INTERRUPTED;
      return outcome.ok ? 0 : EXIT_NEGATIVE;
    }
    await workOn(context, options, prepared);
    return drainSwitch.shutdown.aborted ? EXIT_INTERRUPTED : 0;
  } finally {
    await lock?.release();
    stopListening();
  }
}

/** How long `--takeover` waits for the other runner to finish its job. */
const TAKEOVER_WAIT_SECONDS = 120;

/** One runner per machine: becomes it, or fails with who is. */
async function holdMachine(context: Context, options: WorkOptions, prepared: Prepared): Promise<RunnerLock> {
  const { work: workContext, drainSwitch, talk, instance } = prepared;
  const { env, machine, self } = workContext;
  const lock = await becomeRunner({
    place: { env, machineId: machine.machine_id },
    self: {
      pid: self.pid,
      startTime: self.startTime,
      instance,
      startedAtUtc: formatTimestamp(context.now()),
      version: clientVersion(env),
      transport: options.transport,
      isService: env[SERVICE_VARIABLE] === '1',
      isOnce: options.once ?? false,
    },
    waitMs: takeoverWaitMs(options.takeover),
    now: context.now,
    onWait(holder, waitedMs) {
      if (waitedMs % 10_000 === 0) {
        talk.note(`Waiting for runner ${holder.pid} to finish and leave (${waitedMs / 1000} s).`);
      }
    },
    signal: drainSwitch.draining,
    pause: (ms) => pause(ms, drainSwitch.draining),
  });
  drainSwitch.draining.addEventListener('abort', () => {
    lock.noteDraining(context.now()).catch((error: Error) => talk.warn(error.message));
  });
  return lock;
}

function takeoverWaitMs(asked: string | true | undefined): number | undefined {
  if (asked === undefined) return undefined;
  return asked === true ? TAKEOVER_WAIT_SECONDS * 1000 : atLeastOne(asked) * 1000;
}

async function workOn(context: Context, options: WorkOptions, prepared: Prepared): Promise<void> {
  const { drainSwitch, loop, talk } = prepared;
  let replaced: string | undefined;
  const waiter = await listenerWaiter({
    choice: options.transport,
    pollIntervalMs: options.pollInterval * 1000,
    connect: prepared.connectForListening,
    machineId: prepared.work.machine.machine_id,
    instance: prepared.instance,
    onLease: (jobId) => loop.checkLease(jobId),
    onDrain: () => talk.note('The service asks this machine to claim nothing more for now.'),
    onReplaced: (message) => {
      replaced = message;
      drainSwitch.drain();
    },
    onChange: (change) => tellTransport(context, options, change),
  });
  try {
    talk.note(`Waiting for jobs as ${prepared.work.machine.machine_name}. Ctrl-C leaves.`);
    await loop.run(waiter, showEach(context));
  } finally {
    waiter.close();
  }
  if (replaced !== undefined) {
    throw new CliError(`Another runner of this machine took over: ${replaced}.`, {
      code: 'replaced',
      hint: 'Only one `orp runner work` per machine is woken. End the other one first.',
    });
  }
}

/** Continuous output: one JSON document a line; for people a block per job, and once that there is nothing to do. */
function showEach(context: Context): (outcome: CycleOutcome) => void {
  let wasIdle = false;
  return (outcome) => {
    const isIdle = outcome.document.claimed === false;
    if (context.json) context.stdout.write(`${JSON.stringify(outcome.document)}\n`);
    else if (!(isIdle && wasIdle)) printResult(context, outcome.document, outcome.lines);
    wasIdle = isIdle;
  };
}

function tellTransport(
  context: Context,
  options: WorkOptions,
  change: { transport: string; up: boolean; message: string },
): void {
  if (context.json) context.stdout.write(`${JSON.stringify({ event: 'transport', ...change })}\n`);
  else if (options.verbose) context.stderr.write(`${change.message}\n`);
}

/** Talk goes to stderr; with `--json` only what a person should look at does. */
function talkOf(context: Context, options: WorkOptions): Talk {
  return {
    note(text) {
      if (!context.json) context.stderr.write(`${oneLine(text)}\n`);
      else if (options.verbose) context.stderr.write(`${JSON.stringify({ note: text })}\n`);
    },
    warn: (text) => context.warn(oneLine(text)),
  };
}

interface Prepared {
  work: WorkContext;
  loop: WorkLoop;
  drainSwitch: DrainSwitch;
  talk: Talk;
  instance: string;
  connectForListening(): Promise<{ baseUrl: string; headers: Record<string, string> }>;
}

/** The preconditions in the order of the contract, then everything that is needed to work. */
async function prepare(context: Context, options: WorkOptions, talk: Talk): Promise<Prepared> {
  const { env } = context;
  const roots = [context.repoRoot, ...options.linkedProjectRoot];
  const inspect = () => inspectRoots({ roots, env, now: Date.now() });
  const candidates = await inspect();
  for (const { root } of candidates.filter(isMissing)) talk.warn(`${root} does not exist; it is left out.`);
  const gitRoot = await requireSomeGit(context, candidates);
  const machine = requireEnabled(await loadMachine({ env, now: Date.now(), repository: gitRoot }));
  const session = requireAuth(env);
  requireSomeLinked(candidates);

  const first = await signedInClient(context);
  const connect = () => signedInClient({ env, baseUrl: first.baseUrl });
  const instance = randomUUID();
  const drainSwitch = new DrainSwitch(talk);
  const work: WorkContext = {
    env,
    machine,
    service: httpService({ machine, instance, baseUrl: first.baseUrl, connect }),
    agent: codexAgent({ bin: options.codexBin, profile: options.codexConfigProfile?.trim(), env }),
    local: localRecords({ env, roots, connect }),
    talk,
    secrets: secretValues(env, [session.token]),
    heartbeatMs: options.heartbeatInterval * 1000,
    silenceLimitMs: options.silenceLimit * 1000,
    deliveryLimitMs: DELIVERY_LIMIT_MS,
    self: (await findProcess(process.pid)) ?? { pid: process.pid, startTime: '' },
    isDraining: () => drainSwitch.draining.aborted,
    shutdown: drainSwitch.shutdown,
  };
  const findCandidates = tellingTrouble(talk, inspect);
  const plan = {
    findCandidates,
    defaultRoot: context.repoRoot,
    fallbackRepository: gitRoot,
    rules: { maxJobs: options.maxJobs, parallelInRepo: options.parallelInRepo ?? false },
  };
  return {
    work,
    loop: new WorkLoop(work, plan, drainSwitch),
    drainSwitch,
    talk,
    instance,
    connectForListening: async () => {
      const { baseUrl, headers, token } = await connect();
      return { baseUrl, headers: { ...headers, Authorization: `Bearer ${token}` } };
    },
  };
}

function isMissing(candidate: Candidate): boolean {
  return candidate.kind === 'skipped' && candidate.reason === 'missing';
}

/** The first candidate that is a git work tree. */
async function requireSomeGit(
  context: Context,
  candidates: readonly Candidate[],
): Promise<LinkableRepository> {
  for (const candidate of candidates) {
    if (candidate.kind === 'linked') return candidate.linked.repository;
    const repository = await resolveRepo(candidate.root, context.env);
    if (isLinkable(repository)) return repository;
  }
  return requireGit(await context.repository());
}

/** A repository whose records cannot be read takes no work; the others go on. Each trouble is told once while it lasts. */
function tellingTrouble(talk: Talk, find: () => Promise<Candidate[]>): () => Promise<Candidate[]> {
  let told = new Set<string>();
  return async () => {
    const candidates = await find();
    const troubles = candidates.flatMap((candidate) =>
      candidate.kind === 'unreadable' ? [candidate.trouble] : [],
    );
    for (const { message, hint } of troubles) {
      if (!told.has(message)) talk.warn(`${message} Its repository takes no work. ${hint ?? ''}`);
    }
    told = new Set(troubles.map(({ message }) => message));
    return candidates;
  };
}

function requireSomeLinked(candidates: readonly Candidate[]): void {
  if (candidates.some((candidate) => candidate.kind === 'linked')) return;
  requireReadable(candidates);
  throw new CliError('None of the repositories is linked to an idea.', {
    code: 'not_linked',
    hint: 'Run `orp link project bind --idea-id <idea-id>`; `orp ideas list` shows the ideas.',
  });
}
