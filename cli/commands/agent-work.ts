/**
 * `orp agent work`, the compatibility command for v0.4.4 workers:
 *
 *   --agent given                        → the review-only protocol of v0.4.4
 *   the runner can work here             → the same as `orp runner work`
 *   no repository, disabled, not linked  → the review-only protocol, with the reason
 *
 * It decides before it claims, so that it never has to give up a claimed job.
 */

import { type Command, Option } from 'commander';
import { AGENT_SESSION_ID_PATTERN } from '../../spec/ids.ts';
import { HEARTBEAT_MS } from '../../spec/job/lease.ts';
import { CliError, EXIT_INTERRUPTED, EXIT_NEGATIVE, messageOf } from '../base/exit.ts';
import { pause } from '../base/pause.ts';
import type { Reporter } from '../base/reporter.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { type Line, printJsonLine, printResult } from '../output/print.ts';
import { loadMachine, requireEnabled } from '../records/machine.ts';
import { requireAuth } from '../records/sign-in-record.ts';
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

/** The path that ran a cycle. Every document includes it. */
type Compatibility =
  | { mode: 'runner-primary'; legacy_fallback: false }
  | { mode: 'legacy-agent-filter'; legacy_fallback: true }
  | { mode: 'legacy-checkpoint-fallback'; legacy_fallback: true; reason: string };

const RUNNER: Compatibility = { mode: 'runner-primary', legacy_fallback: false };

export function registerAgentWork(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('work')
      .description('run jobs as `runner work` does; if that is impossible, run only reviews')
      .option(
        '--agent <selector>',
        'take only reviews of this agent or world (world id, name, folder, idea or session)',
      )
      .option('--codex-bin <path>', 'Codex executable (default: CODEX_BIN, then codex on the PATH)')
      .option('--codex-config-profile <name>', 'Codex configuration profile')
      .addOption(pollIntervalOption())
      .addOption(
        new Option('--transport <way>', 'how the server wakes this process')
          .choices(['auto', 'poll', 'sse', 'ws'])
          .default('auto'),
      )
      .option('--dry-run', 'show what would be claimed, without claiming it')
      .option('--once', 'run one cycle, then exit')
      .addHelpText('after', AFTER_HELP),
  ).action((options: AgentOptions) =>
    shell.run({ ...options, pager: false }, (context) => agentWork(context, options)),
  );
}

const AFTER_HELP = `
With --agent, or where the runner cannot work (no git repository, not enabled, not linked), it takes checkpoint reviews
only and runs each in the repository and session that the idea's world names. \`orp runner policy\` applies.
Press Ctrl-C once to finish the running job and exit, twice to stop its agent, report that and exit.`;

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
    // A runner that was disabled while it ran switches to the compatibility path. Anything else ends the command.
    if (isOnce || code !== 0 || !(await isOtherWay(context, options, RUNNER))) return code;
  }
}

/** The error codes that mean "the runner cannot work here". v0.4.4 clients fall back for the same codes. */
const FALLBACK_CODES: ReadonlySet<string> = new Set(['no_git_repository', 'runner_disabled', 'not_linked']);

async function chooseWay(context: Context, { agent }: AgentOptions): Promise<Compatibility> {
  if (agent?.trim()) return { mode: 'legacy-agent-filter', legacy_fallback: true };
  const { env } = context;
  const now = context.now();
  // Throws when git environment variables name a repository other than the current directory.
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

/** Runs the compatibility path. Returns undefined when the runner can work here again. */
async function workAsFirst(
  context: Context,
  options: AgentOptions,
  way: Compatibility,
): Promise<number | undefined> {
  const reporter = reporterOf(context, {});
  const reviews = { ...runnerOptions(options), agent: options.agent };
  const { cycle, drainSwitch } = await prepareReviews(context, reviews, reporter);
  if ('reason' in way) reporter.info(`Taking reviews only, with the v0.4.4 protocol: ${way.reason}`);
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

/** Runs cycles until it is asked to stop. A failed review, an error or an outage does not end it. */
async function repeat(
  context: Context,
  options: AgentOptions,
  { cycle, drainSwitch, reporter, showAs, way }: Repeated,
): Promise<number | undefined> {
  const { draining, shutdown } = drainSwitch;
  let wasIdle = false;
  // Report each obstacle once.
  let told = '';
  while (!draining.aborted) {
    const outcome = await cycle.run(false).catch((error: unknown) => {
      const message = messageOf(error);
      if (draining.aborted) reporter.info(message);
      else if (message !== told) {
        context.warn(`${message} Retrying.`, error instanceof CliError ? error.hint : undefined);
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

/** Returns whether to switch paths. An error while checking (such as being signed out) keeps the current one. */
async function isOtherWay(
  context: Context,
  options: AgentOptions,
  { mode }: Compatibility,
): Promise<boolean> {
  const way = await chooseWay(context, options).catch(() => undefined);
  return way !== undefined && way.mode !== mode;
}

function show(context: Context, outcome: CycleOutcome, isOldNews: boolean): void {
  if (context.json) printJsonLine(context, outcome.document);
  else if (!isOldNews) printResult(context, outcome.document, outcome);
}

/** Adds the path to each document. People see the job kind, the checkpoint and the path. */
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

/** Options that `agent work` lacks take the defaults of `runner work`. */
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
