/**
 * `orp agent work`, the command of the first workers:
 *
 *   --agent given                        → the compatibility path
 *   the runner can work here             → the same as `orp runner work`
 *   no repository, disabled, not linked  → the compatibility path, and why
 *
 * Which one is decided before anything is claimed, so that no claimed job is given up for the other queue.
 */

import { type Command, Option } from 'commander';
import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import { CliError, EXIT_INTERRUPTED, EXIT_NEGATIVE, messageOf } from '../base/exit.ts';
import { pause } from '../base/pause.ts';
import type { Reporter } from '../base/reporter.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { type Line, printResult } from '../output/print.ts';
import { loadMachine, requireEnabled } from '../records/machine.ts';
import { requireAuth } from '../records/remote-session.ts';
import { type Candidate, inspectRoots } from '../records/sync-payload.ts';
import type { CycleOutcome } from '../runner/loop/documents.ts';
import type { DrainSwitch } from '../runner/loop/drain-switch.ts';
import type { AgentCycle } from '../runner/review-worker/cycle.ts';
import { prepareReviews } from '../runner/start/review-setup.ts';
import { reporterOf, runWork, type ShowAs } from '../runner/start/run-work.ts';
import type { WorkOptions } from '../runner/start/work-parts.ts';
import { requireSomeGit, requireSomeLinked } from '../runner/start/work-roots.ts';
import { type Shell, withCommonOptions } from './shell.ts';
import { pollIntervalOption } from './work-options.ts';

interface AgentOptions extends CommonOptions {
  agent?: string;
  codexBin?: string;
  codexConfigProfile?: string;
  pollInterval: number;
  transport: 'auto' | 'poll' | 'sse' | 'ws';
  dryRun?: boolean;
  once?: boolean;
}

/** How a cycle came about, as every document says. */
type Compatibility =
  | { mode: 'runner-primary'; legacy_fallback: false }
  | { mode: 'legacy-agent-filter'; legacy_fallback: true }
  | { mode: 'legacy-checkpoint-fallback'; legacy_fallback: true; reason: string };

const RUNNER: Compatibility = { mode: 'runner-primary', legacy_fallback: false };

export function registerAgentWork(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('work')
      .description(
        'work as `orp runner work` where it can, else answer checkpoint reviews as the first workers did',
      )
      .option(
        '--agent <selector>',
        'only reviews of this world (its id, name, folder, idea or session) or agent',
      )
      .option('--codex-bin <path>', 'Codex program (default: CODEX_BIN, else codex on the PATH)')
      .option('--codex-config-profile <name>', 'configuration profile of Codex')
      .addOption(pollIntervalOption())
      .addOption(
        new Option('--transport <way>', 'how to be woken')
          .choices(['auto', 'poll', 'sse', 'ws'])
          .default('auto'),
      )
      .option('--dry-run', 'show what would be taken; takes nothing')
      .option('--once', 'one cycle, then leave')
      .addHelpText('after', AFTER_HELP),
  ).action((options: AgentOptions) => shell.run(options, (context) => agentWork(context, options)));
}

const AFTER_HELP = `
With --agent, and where the runner cannot work (no git repository, not enabled, not linked), it takes checkpoint reviews
only, in the repository and session that the world of their idea names. What may run is up to \`orp runner policy\`.
Ctrl-C once finishes the job at work and leaves; twice stops its agent, reports that, and leaves.
Exit codes: 0 worked or idle, 1 the job failed (--once), 2 a usage or expected error, 130 stopped by the second Ctrl-C,
or by the first before --once has begun a job.

Examples:
  $ orp agent work --once
  $ orp agent work --agent survey-repo --dry-run`;

async function agentWork(context: Context, options: AgentOptions): Promise<number> {
  const isOnce = (options.once || options.dryRun) ?? false;
  for (;;) {
    const way = await chooseWay(context, options);
    if (way.mode !== 'runner-primary') {
      const end = await workAsFirst(context, options, way);
      if (end !== undefined) return end;
      continue;
    }
    const code = await runWork(context, { ...runnerOptions(options), showAs: showing(RUNNER) });
    // A runner that was disabled while it ran leaves its place to the other path; everything else ends both.
    if (isOnce || code !== 0 || !(await isOtherWay(context, options, RUNNER))) return code;
  }
}

/** Why the runner cannot work here: what the first clients fell back for, by code. */
const FALLBACK_CODES: ReadonlySet<string> = new Set(['no_git_repository', 'runner_disabled', 'not_linked']);

async function chooseWay(context: Context, { agent }: AgentOptions): Promise<Compatibility> {
  if (agent?.trim()) return { mode: 'legacy-agent-filter', legacy_fallback: true };
  const { env } = context;
  const now = context.now();
  // Throws when variables of git name another repository than the current directory.
  await context.repository();
  const candidates = await inspectRoots({ roots: [context.repoRoot], env, now });
  try {
    const repository = await requireSomeGit(context, candidates);
    requireEnabled(await loadMachine({ env, now, repository }));
    requireAuth(env);
    requireSomeLinked(candidates);
  } catch (error) {
    if (error instanceof CliError && FALLBACK_CODES.has(error.code)) return fallback(error.message);
    throw error;
  }
  if (candidates.some(hasRouteableSession)) return RUNNER;
  return fallback('No linked session is active and has a Codex session id.');
}

function fallback(reason: string): Compatibility {
  return { mode: 'legacy-checkpoint-fallback', legacy_fallback: true, reason };
}

function hasRouteableSession(candidate: Candidate): boolean {
  if (candidate.kind !== 'linked') return candidate.kind === 'unreadable';
  return candidate.linked.sessions.some(
    ({ record }) =>
      record.state === 'active' &&
      !record.archived &&
      AGENT_SESSION_ID_PATTERN.test(record.codex_session_id ?? ''),
  );
}

/** Undefined: the runner can work here again. */
async function workAsFirst(
  context: Context,
  options: AgentOptions,
  way: Compatibility,
): Promise<number | undefined> {
  const reporter = reporterOf(context, {});
  const reviews = { ...runnerOptions(options), agent: options.agent };
  const { cycle, drainSwitch } = await prepareReviews(context, reviews, reporter);
  if ('reason' in way) reporter.info(`Only reviews are taken, as by the first workers: ${way.reason}`);
  const showAs = showing(way);
  const stopListening = drainSwitch.listen();
  try {
    if (options.once || options.dryRun) {
      const outcome = showAs(await cycle.run(options.dryRun ?? false));
      printResult(context, outcome.document, outcome);
      if (drainSwitch.shutdown.aborted) return EXIT_INTERRUPTED;
      return outcome.ok ? 0 : EXIT_NEGATIVE;
    }
    return await repeat(context, options, { cycle, drainSwitch, reporter, showAs, way });
  } finally {
    stopListening();
  }
}

interface Repeated {
  cycle: AgentCycle;
  drainSwitch: DrainSwitch;
  reporter: Reporter;
  showAs: ShowAs;
  way: Compatibility;
}

/** A failed review, an error or an outage never ends it. */
async function repeat(
  context: Context,
  options: AgentOptions,
  { cycle, drainSwitch, reporter, showAs, way }: Repeated,
): Promise<number | undefined> {
  const { draining, shutdown } = drainSwitch;
  let wasIdle = false;
  // What is in the way is told once while it lasts.
  let told = '';
  while (!draining.aborted) {
    const outcome = await cycle.run(false).catch((error: unknown) => {
      const message = messageOf(error);
      if (draining.aborted) reporter.info(message);
      else if (message !== told) {
        context.warn(`${message} Trying again.`, error instanceof CliError ? error.hint : undefined);
      }
      told = message;
      return undefined;
    });
    if (outcome !== undefined) told = '';
    const isIdle = outcome?.document.claimed !== true;
    if (outcome !== undefined) show(context, showAs(outcome), isIdle && wasIdle);
    wasIdle = isIdle;
    if (!isIdle) continue;
    await pause(options.pollInterval * 1000, draining);
    if (!draining.aborted && (await isOtherWay(context, options, way))) return undefined;
  }
  return shutdown.aborted ? EXIT_INTERRUPTED : 0;
}

/** Whether it is time to change to the runner. Who cannot be asked, or is signed out, leaves everything as it is. */
async function isOtherWay(
  context: Context,
  options: AgentOptions,
  { mode }: Compatibility,
): Promise<boolean> {
  const way = await chooseWay(context, options).catch(() => undefined);
  return way !== undefined && way.mode !== mode;
}

function show(context: Context, outcome: CycleOutcome, isOldNews: boolean): void {
  if (context.json) context.stdout.write(`${JSON.stringify(outcome.document)}\n`);
  else if (!isOldNews) printResult(context, outcome.document, outcome);
}

/** Every document says how it came about; people are told the kind, the checkpoint and the way. */
function showing(way: Compatibility): ShowAs {
  return ({ ok, document, lines, page }) => ({
    ok,
    page,
    document: { ...document, compatibility: way },
    lines: document.claimed === true ? withMode(lines, document, way) : lines,
  });
}

function withMode(
  lines: readonly Line[],
  document: Record<string, unknown>,
  { mode }: Compatibility,
): Line[] {
  const job = (document.job ?? {}) as Record<string, unknown>;
  const head: Line[] = [
    ['job.claimed', true],
    ['job.kind', String(job.kind ?? job.intent ?? '')],
    ['checkpoint.id', checkpointOf(job)],
    ['job.mode', document.dry_run === true ? 'dry-run' : mode],
  ];
  const shown = new Set(head.map(([name]) => name));
  const rest = lines.filter(([name]) => !shown.has(name) && name !== 'job.id');
  const isAnswered = rest.some(([name]) => name === 'response.ok' || name === 'job.ok');
  return [
    ...head,
    ...rest,
    ...(isAnswered || document.dry_run === true ? [] : ([['job.ok', document.ok === true]] as Line[])),
  ];
}

function checkpointOf(job: Record<string, unknown>): string {
  const { checkpointId, checkpoint } = job as { checkpointId?: unknown; checkpoint?: { id?: unknown } };
  return String(checkpointId ?? checkpoint?.id ?? '');
}

/** What `agent work` does not know has the defaults of `runner work`. */
function runnerOptions(options: AgentOptions): WorkOptions {
  return {
    ...options,
    heartbeatInterval: HEARTBEAT_MS / 1000,
    silenceLimit: 1800,
    keepAwake: 'ac',
    linkedProjectRoot: [],
    maxJobs: 1,
  };
}
