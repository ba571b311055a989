/** The result of a prompt that was entered into a session of an agent server before, as the transcript of the session proves it. */

import type { AgentSession, EnteredTurn, SessionDriver } from '../../agents/agent.ts';
import { completedResult, failedResult, judgeRun } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { JobLease } from '../lease/job-lease.ts';
import type { Entry } from '../spool/lease-spool.ts';
import type { ResultRecord } from '../spool/records.ts';
import { runAgent } from './agent-run.ts';
import { DEFAULT_SILENCE_LIMIT_MS, DEFAULT_TIME_LIMIT_MS } from './run-limits.ts';
import { turnEngine } from './turn-engine.ts';

/** The job came again, under another lease: its prompt does not run again. */
export function resolveEntered(turn: EnteredTurn, jobKind: string): ResultRecord {
  const result = resolveLeft(turn, jobKind);
  if (result.outcome === 'completed') return result;
  const hint = 'Retry the job to enter the prompt again.';
  return { ...result, error: `The prompt was entered before. ${result.error} ${hint}` };
}

/** What the transcript shows of a turn that has ended; undefined: the prompt was never entered. */
export function resolveLeft(turn: EnteredTurn | undefined, jobKind: string): ResultRecord {
  if (turn === undefined) {
    const message = 'The runner stopped before it entered the prompt; nothing ran.';
    return {
      ...failedResult('agent_error', message, new Date()),
      release: { reason: 'shutting_down', message },
    };
  }
  const { status, answer, error } = turn;
  if (status === 'completed' && answer !== undefined) return completedResult(answer, jobKind);
  const failed = failedResult('agent_error', error ?? WHY[status], new Date());
  return answer === undefined ? failed : { ...failed, content: answer };
}

const WHY: Readonly<Record<EnteredTurn['status'], string>> = {
  running: 'The turn still runs.',
  completed: 'The agent ended without an answer.',
  failed: 'The agent says that it failed, and gave no reason.',
  interrupted:
    'The runner and the agent server ended in the middle of the turn. The transcript of the session shows the turn as interrupted.',
};

/** Follows a turn that still runs, under its own lease. */
export async function followTurn(
  context: WorkContext,
  lease: JobLease,
  of: { driver: SessionDriver; session: AgentSession; entry: Entry; turnId: string; kind: string },
): Promise<ResultRecord> {
  const { entry, kind, ...rest } = of;
  const agent = await context.agents.find(entry.agent);
  if (agent === undefined) throw new Error(`this runner does not drive the agent ${entry.agent}`);
  const task = { sessionId: entry.session_id, cwd: entry.cwd };
  const engine = turnEngine({ ...rest, task, agent: entry.agent, marker: entry.marker });
  const run = await runAgent({
    agent,
    engine,
    spool: lease.spool,
    stopSwitch: lease.stopSwitch,
    limits: {
      limitMs: DEFAULT_TIME_LIMIT_MS,
      silenceMs: context.silenceLimitMs ?? DEFAULT_SILENCE_LIMIT_MS,
    },
    secrets: context.secrets,
    onChunk: () => lease.wakeUploads(),
  });
  if (run.kind === 'not_started') return failedResult('agent_error', run.message, new Date());
  return judgeRun(run, { now: new Date(), kind, agent: agent.name });
}
