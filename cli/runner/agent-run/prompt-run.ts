/** Sends the prompt to the agent of the chosen session, and converts the run into a result. */

import { isJobKind } from '../../../spec/job/kinds.ts';
import { disobeyed } from '../../agents/registry.ts';
import { resolvePath } from '../../files/paths.ts';
import type { PolicyLimits } from '../../policy/owner-policy.ts';
import type { ClaimedJob } from '../job/claimed-job.ts';
import type { WorkerBlock } from '../job/job-report.ts';
import { failedResult, givenBack, judgeRun, stopSentence, summarise } from '../job/result.ts';
import type { AgentRun } from '../job/run-outcome.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { JobLease } from '../lease/job-lease.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { ResultRecord } from '../spool/records.ts';
import { runAgent } from './agent-run.ts';
import { chooseEngine } from './choose-engine.ts';
import { DEFAULT_SILENCE_LIMIT_MS, DEFAULT_TIME_LIMIT_MS } from './run-limits.ts';

export interface PromptRun {
  result: ResultRecord;
  /** Absent if the agent did not run. */
  worker?: WorkerBlock;
  wasAttempted: boolean;
}

/** The target of a prompt. */
export interface PromptTarget {
  job: ClaimedJob;
  codexSessionId: string;
  /** The agent of the session. If absent, the runner uses the default agent. */
  agent?: string | undefined;
  /** The folder that the policy judged, with symlinks resolved. */
  cwd: string;
  /** The limits that the policy of this machine sets. */
  policy?: PolicyLimits | undefined;
}

/** Runs the prompt. If the prompt cannot run, the reason becomes the result. */
export async function runPrompt(
  context: WorkContext,
  lease: JobLease,
  target: PromptTarget,
): Promise<PromptRun> {
  const { job } = target;
  if (!isJobKind(job.kind)) {
    return refusedRun(
      'unsupported_kind',
      `This runner does not know jobs of kind ${JSON.stringify(job.kind)}.`,
    );
  }
  if (job.prompt === '') return refusedRun('agent_error', 'The job has no prompt.');

  const { codexSessionId: sessionId, cwd, policy } = target;
  const task = {
    sessionId,
    prompt: job.prompt,
    cwd,
    folder: lease.spool.folder,
    settings: policy?.settings ?? {},
  };
  const agent = await context.agents.find(target.agent);
  if (agent === undefined)
    return refusedRun('agent_error', `This runner does not drive the agent ${target.agent}.`);
  const setting = disobeyed(target.agent, task.settings);
  if (setting !== undefined) {
    return refusedRun(
      'policy_denied',
      `The policy of this machine sets the ${setting} of the agent, which ${agent.name} cannot obey.`,
    );
  }
  const { leaseId } = lease.held;
  const chosen = await chooseEngine(context, { agent, agentName: target.agent, task, job, leaseId });
  if (chosen.kind === 'result') return { result: chosen.result, wasAttempted: true };
  if (chosen.kind === 'refused') return refusedRun('agent_error', chosen.message);
  if (chosen.kind === 'unavailable') return unavailableRun(context, chosen.message);
  const { engine } = chosen;
  // If a symlink has replaced the folder, the agent would run outside the folder that the policy judged.
  const isElsewhere = resolvePath('/', cwd) !== cwd;
  // The job was stopped before anything ran, and the result says so.
  const { reason } = lease.stopSwitch;
  if (isElsewhere || reason !== undefined) await engine.abandon();
  if (isElsewhere) return refusedRun('agent_error', `${cwd} leads elsewhere now.`);
  if (reason !== undefined) return { result: neverRan(reason), wasAttempted: true };
  const begun = context.claimPause.begin();
  const run = await runAgent({
    agent,
    engine,
    spool: lease.spool,
    stopSwitch: lease.stopSwitch,
    limits: {
      limitMs: timeLimitMs(job, policy),
      silenceMs: context.silenceLimitMs ?? DEFAULT_SILENCE_LIMIT_MS,
    },
    secrets: context.secrets,
    onChunk: () => lease.wakeUploads(),
  });
  if (run.kind === 'not_started') {
    const error = `${agent.name} could not be started: ${run.message}`;
    return run.isUnavailable ? unavailableRun(context, error) : refusedRun('agent_error', error);
  }
  const { kind, usage } = job;
  const result = judgeRun(run, { now: new Date(), kind, agent: agent.name, usage });
  notePause(context, run, { result, begun });
  const worker = workerBlock(run, job.kind, engine.command);
  return { result, worker, wasAttempted: true };
}

/** The time limit of a run. The policy may shorten it but not extend it. */
export function timeLimitMs(
  { timeoutSeconds }: Pick<ClaimedJob, 'timeoutSeconds'>,
  policy: PolicyLimits | undefined,
): number {
  const asked = timeoutSeconds === undefined ? DEFAULT_TIME_LIMIT_MS : timeoutSeconds * 1000;
  return Math.min(asked, policy?.maxRunMs ?? Number.POSITIVE_INFINITY);
}

/** Updates the claim pause with what the run proves about the agent. */
function notePause(
  { claimPause }: WorkContext,
  { reading, failure, stopped, turn }: Extract<AgentRun, { kind: 'ended' }>,
  { result, begun }: { result: ResultRecord; begun: number },
): void {
  if (reading?.kind === 'condition' && result.failure_kind === reading.code) {
    claimPause.meet({ code: reading.code, message: failure ?? '', until: reading.until });
  } else if (stopped === undefined && (turn.hasEvents || result.outcome === 'completed')) {
    claimPause.worked(begun);
  }
}

/** The result if the agent is unavailable. The job had no effect. */
function unavailableRun({ claimPause }: WorkContext, error: string): PromptRun {
  claimPause.meet({ code: 'agent_unavailable', message: error });
  const { result, wasAttempted } = refusedRun('agent_unavailable', error);
  return { result: givenBack(result, 'agent_unavailable'), wasAttempted };
}

function refusedRun(
  kind: 'unsupported_kind' | 'agent_error' | 'agent_unavailable' | 'policy_denied',
  error: string,
): PromptRun {
  return { result: failedResult(kind, error, new Date()), wasAttempted: kind !== 'unsupported_kind' };
}

/** The result of a job that was stopped before its agent ran. */
export function neverRan(reason: StopReason): ResultRecord {
  const result = failedResult('agent_error', `${stopSentence(reason)} It had not started.`, new Date());
  if (reason.kind !== 'cancelled') return result;
  const { failure_kind: _kind, ...cancelled } = result;
  return { ...cancelled, outcome: 'cancelled' };
}

/**
 * The `worker` block as in v0.4.4: judged by the exit code, with the output if there is no answer. Shown but never delivered.
 */
function workerBlock(run: Extract<AgentRun, { kind: 'ended' }>, kind: string, command: string): WorkerBlock {
  const printed = run.stdout.trim() === '' ? run.stderr : run.stdout;
  const body = run.answer ?? (run.otherSession === undefined ? printed : '');
  return {
    ok: run.end.exitCode === 0 && run.stopped === undefined,
    exitCode: run.end.exitCode,
    stdout: run.stdout,
    stderr: run.stderr,
    body,
    summary: summarise(body, kind) ?? '',
    command,
  };
}
