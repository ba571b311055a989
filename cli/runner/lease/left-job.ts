/**
 * Determines how a job ended after its runner crashed. The result contains only what the journal and the disk prove:
 *
 *   the agent or a process that it started runs    → the runner stops these processes; then the next rows apply
 *   there is an answer, and the agent succeeded    → completed with the answer
 *   there is an answer, but no record of the end   → failed with the answer and the reason
 *   the agent may have run, but left no answer     → failed, because it is unknown what the agent did
 *   the agent was never started                    → failed, because nothing ran
 *
 * If the prompt was entered into an agent server that still answers, `loop/adopted-jobs.ts` decides instead, because the
 * transcript of the session proves more than the disk.
 */

import { readLeftAnswer } from '../../agents/answer-file.ts';
import { completedResult, failedResult, otherSessionSentence } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type FamilyMark, ProcessFamily } from '../process/family.ts';
import { stopFamily } from '../process/terminate.ts';
import { redactText } from '../redaction/redact.ts';
import type { Journal } from '../spool/lease-spool.ts';
import type { ResultRecord } from '../spool/records.ts';

const UNKNOWN = 'The runner stopped before the agent finished; what the agent did is unknown.';
const ENDED_UNSEEN =
  'The runner stopped before the agent finished. The agent left an answer and ended unseen; whether it did all of its work is unknown.';
const NOT_COMPLETED =
  'The agent ended without completing its turn, and the runner stopped before it could report the reason.';
const NEVER_RAN = 'The runner stopped before it started the agent; nothing ran.';

/** Stops the remaining processes of the agent, and returns the result of the job. */
export async function concludeLeftJob(
  context: Pick<WorkContext, 'graces' | 'secrets'>,
  { folder, journal }: { folder: string; journal: Journal },
): Promise<ResultRecord> {
  const { claim, progress, answerPath, otherSession } = journal;
  if (progress.kind === 'claimed') return failedResult('agent_error', NEVER_RAN, new Date());
  // The transcript of the session would prove more, but no agent server answers.
  if (progress.kind === 'entered') return failedResult('agent_error', UNKNOWN, new Date());
  const stopped = await stopOrphans(progress.mark, context);
  if (otherSession !== undefined) {
    return failedResult('session_missing', otherSessionSentence(otherSession) + stopped, new Date());
  }
  const answer = answerPath === undefined ? undefined : await readLeftAnswer(folder, answerPath);
  if (answer === undefined) return failedResult('agent_error', UNKNOWN + stopped, new Date());
  const content = redactText(answer, context.secrets);
  if (progress.end?.exitCode === 0 && !progress.end.wasStopped) {
    const { turn } = progress.end;
    if (turn !== 'failed' && turn !== 'open') return completedResult(content, claim.job_kind);
    return { ...failedResult('agent_error', NOT_COMPLETED, new Date()), content };
  }
  const error = (stopped === '' ? ENDED_UNSEEN : UNKNOWN) + stopped;
  return { ...failedResult('agent_error', error, new Date()), content };
}

/** Stops the processes that the agent started, because they may still run after the agent has ended. */
async function stopOrphans(mark: FamilyMark, { graces }: Pick<WorkContext, 'graces'>): Promise<string> {
  const { processes, left, signal } = await stopFamily(ProcessFamily.found(mark), graces);
  if (signal === 'none') return '';
  const rest = left === 0 ? '' : `, ${left} could not be ended`;
  return ` It was still running and was stopped (${processes} ended by ${signal}${rest}).`;
}
