/** Prepares `orp runner work`: it checks the preconditions in the order of the contract, then creates the parts. */

import { randomUUID } from 'node:crypto';
import { DEFAULT_AGENT } from '../../../spec/job/abilities.ts';
import { isRouteable } from '../../../spec/local/session-order.ts';
import { exactDuration } from '../../base/duration.ts';
import { pause } from '../../base/pause.ts';
import type { Reporter } from '../../base/reporter.ts';
import { clientVersion } from '../../base/version.ts';
import { introduce } from '../../client/call.ts';
import type { Client } from '../../client/client.ts';
import { NO_RETRY } from '../../client/retry.ts';
import { ServerError } from '../../client/server-error.ts';
import { formatTimestamp } from '../../files/timestamps.ts';
import { syncPending } from '../../hosted/pending-roots.ts';
import type { Context } from '../../output/context.ts';
import { loadMachine, requireEnabled } from '../../records/machine.ts';
import { requireAuth } from '../../records/sign-in-record.ts';
import type { Candidate } from '../../records/sync-payload.ts';
import { policyGate } from '../agent-run/policy-gate.ts';
import type { ChannelTarget } from '../channel/channel.ts';
import { httpHosted } from '../hosted/http-hosted.ts';
import { localRecords } from '../hosted/local-records.ts';
import { sayingPause } from '../job/claim-pause.ts';
import type { WorkContext } from '../job/work-context.ts';
import { jobRuns } from '../job-run/job-run.ts';
import { DrainOrder, type DrainSwitch } from '../loop/drain-switch.ts';
import { type RecoveryHost, SpoolRecovery } from '../loop/spool-recovery.ts';
import { WorkLoop } from '../loop/work-loop.ts';
import type { RunnerHolder, RunnerLock } from '../process/runner-lock.ts';
import { becomeRunner, TAKEOVER_WAIT_SECONDS } from '../process/take-over.ts';
import { owedByAgentWork } from '../review-worker/context.ts';
import { PolicyWatch, RunnerReport, sayingReport } from './runner-report.ts';
import { prepareParts, type WorkOptions, type WorkParts } from './work-parts.ts';
import { requireSomeGit, requireSomeLinked, WorkRoots } from './work-roots.ts';

/** Set to 1 by the installed service, so that the lock can say how its holder was started. */
const SERVICE_VARIABLE = 'ORP_RUNNER_SERVICE';

/** Returns whether launchd or systemd started this process. */
export function isService(env: NodeJS.ProcessEnv): boolean {
  return env[SERVICE_VARIABLE] === '1';
}

/** Short, so that a slow server does not delay the channel. */
const INTRODUCTION_MS = 5000;

/** The runner's lock on the machine. */
export interface MachineHold {
  lock?: RunnerLock;
  /** Shows on a terminal how long the runner has waited. */
  show?(text: string): void;
  /** The other runner that has taken the lock without permission of this runner. */
  lostTo?: RunnerHolder;
}

/** All parts that the work needs. */
export interface Prepared {
  work: WorkContext;
  loop: WorkLoop;
  drainSwitch: DrainSwitch;
  drainOrder: DrainOrder;
  report: RunnerReport;
  policyWatch: PolicyWatch;
  reporter: Reporter;
  instance: string;
  hold: MachineHold;
  connectForListening(): Promise<Omit<ChannelTarget, 'machineId' | 'instance' | 'waitSeconds'>>;
}

/** Checks the preconditions in the order of the contract, then creates all parts. */
export async function prepare(context: Context, options: WorkOptions, reporter: Reporter): Promise<Prepared> {
  const { env } = context;
  // Throws when git environment variables name a repository other than the current directory.
  await context.repository();
  const roots = new WorkRoots(env, { ...options, repoRoot: context.repoRoot }, reporter);
  const candidates = await roots.inspectFirst();
  const gitRoot = await requireSomeGit(context, candidates);
  const machine = requireEnabled(await loadMachine({ env, now: Date.now(), repository: gitRoot }));
  requireAuth(env);
  requireSomeLinked(candidates);

  const parts = await prepareParts(context, options, reporter);
  const { shared, policy, drainSwitch, connect, baseUrl, keepAwake } = parts;
  const instance = randomUUID();
  const drainOrder = new DrainOrder(reporter);
  const hold: MachineHold = {};
  const hosted = httpHosted({ machine, instance, baseUrl, connect, onDrainOrder: drainOrder.note });
  const report = new RunnerReport(env, machine.machine_id);
  const work: WorkContext = {
    ...shared,
    machine,
    service: sayingReport(sayingPause(hosted, shared.claimPause, policy), report),
    local: {
      ...localRecords({ env, roots: () => roots.list(), connect }),
      catchUp: () => syncPending({ env, now: Date.now() }, connect),
    },
    gate: policyGate(policy),
  };
  let inUse = agentsOf(candidates);
  const findCandidates = async () => {
    const found = await roots.inspect();
    inUse = agentsOf(found);
    return found;
  };
  await tellRemarks(work, inUse);
  if (options.verbose) reporter.info(keepAwake.description);
  const plan = {
    hooks: parts.hooks,
    findCandidates,
    agentsInUse: async () => {
      // The loop does not poll during a pause, so check here whether the session of the missing agent was removed.
      if (work.claimPause.current !== undefined) await findCandidates();
      return inUse;
    },
    defaultRoot: context.repoRoot,
    rules: { maxJobs: options.maxJobs, parallelInRepo: options.parallelInRepo ?? false },
    runJob: jobRuns(work, { root: context.repoRoot, fallbackRepository: gitRoot }),
    policy,
    findReasonToLeave: () => findOtherHolder(hold),
    makeRecovery: (host: RecoveryHost) =>
      new SpoolRecovery(work, { ...host, findOthers: () => owedByAgentWork(work, connect) }),
  };
  const loop = new WorkLoop(work, plan, drainSwitch);
  const policyWatch = new PolicyWatch({ env, policy, findCandidates, onReason: () => loop.checkAgain() });
  report.leasesAtWork = () => loop.jobs.flatMap(({ lease }) => lease.held.leaseId ?? []);
  return {
    work,
    loop,
    report,
    policyWatch,
    drainSwitch,
    drainOrder,
    reporter,
    instance,
    hold,
    connectForListening: () => listenAs(parts),
  };
}

/** The address of the channel, and the headers of the current sign-in. */
async function listenAs({ connect, carrier }: Pick<WorkParts, 'connect' | 'carrier'>) {
  const client = await connect();
  await introduceSoon(client);
  const { baseUrl, headers, token, server } = client;
  return { baseUrl, server, carrier, token, headers: { ...headers, Authorization: `Bearer ${token}` } };
}

/** Asks the server for its capabilities, which decide how the runner listens. An unreachable server is no error here. */
async function introduceSoon(client: Client): Promise<void> {
  const hasty = { ...client, retry: NO_RETRY, timeoutMs: INTRODUCTION_MS };
  await introduce(hasty).catch((error: unknown) => {
    if (!(error instanceof ServerError)) throw error;
  });
}

/** Returns the agents of the sessions that can take jobs, or the default agent if there is no such session. */
function agentsOf(candidates: readonly Candidate[]): string[] {
  const names = candidates.flatMap((candidate) =>
    candidate.kind === 'linked'
      ? candidate.linked.sessions
          .filter(({ record }) => isRouteable(record))
          .map(({ record }) => record.agent)
      : [],
  );
  return [...new Set(names.length === 0 ? [DEFAULT_AGENT] : names.map((name) => name ?? DEFAULT_AGENT))];
}

/** Warns about settings that may not work as the person expects. */
async function tellRemarks({ agents, reporter }: WorkContext, inUse: readonly string[]): Promise<void> {
  const programs = await Promise.all(inUse.map(async (name) => (await agents.find(name))?.findProgram()));
  for (const program of programs)
    if (program?.kind === 'found') for (const remark of program.remarks) reporter.warn(remark);
}

/**
 * Returns why this runner must exit if it lost the lock. Otherwise two runners would replace each other's channel forever.
 */
async function findOtherHolder(hold: MachineHold): Promise<string | undefined> {
  const other = await hold.lock?.confirm();
  if (other === undefined) return undefined;
  hold.lostTo = other;
  return `Runner ${other.pid} has taken over this machine; exiting.`;
}

function takeoverWaitMs({ takeover }: WorkOptions): number | undefined {
  if (takeover === undefined) return undefined;
  return (takeover === true ? TAKEOVER_WAIT_SECONDS : takeover) * 1000;
}

/** Takes the lock of this machine. Throws an error that names the other runner if there is one. */
export async function holdMachine(context: Context, options: WorkOptions, prepared: Prepared): Promise<void> {
  const { work: workContext, drainSwitch, reporter, instance } = prepared;
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
      isService: isService(env),
      isOnce: options.once ?? false,
    },
    waitMs: takeoverWaitMs(options),
    now: context.now,
    onWait(holder, waitedMs) {
      const text = `Waiting for runner ${holder.pid} to finish and exit`;
      if (prepared.hold.show !== undefined) prepared.hold.show(`○ ${text} · ${exactDuration(waitedMs)}`);
      else if (waitedMs % 10_000 === 0) reporter.info(`${text} (${exactDuration(waitedMs)}).`);
    },
    signal: drainSwitch.draining,
    pause: (ms) => pause(ms, drainSwitch.draining),
  });
  drainSwitch.draining.addEventListener('abort', () => {
    lock.noteDraining(context.now()).catch((error: Error) => reporter.warn(error.message));
  });
  prepared.hold.lock = lock;
}
