/**
 * How a job ended whose runner is gone: the result is what the journal and the disk can prove.
 *
 *   the agent still runs, or something it started  → it is stopped, because nobody reads its output; then as below
 *   the agent left an answer and ended well        → completed with the answer
 *   the agent left an answer, nobody saw its end   → failed with the answer, and the reason
 *   the agent may have run, and left no answer     → failed: what it did is unknown
 *   the agent was never started                    → failed: nothing ran
 *
 * A prompt that was entered into a session of an agent server is not judged here as long as such a server can be asked
 * (`loop/adopted-jobs.ts`): the transcript of the session proves more than the disk.
 */

import { readLeftAnswer } from '../../agents/answer-file.ts';
import { completedResult, failedResult, otherSessionSentence } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type FamilyMark, ProcessFamily } from '../process/family.ts';
import { stopFamily } from '../process/terminate.ts';
import { redactText } from '../redaction/redact.ts';
import type { Journal } from '../spool/lease-spool.ts';
import type { ResultRecord } from '../spool/records.ts';

const UNKNOWN = 'The runner stopped before the agent finished; what it did is unknown.';
const ENDED_UNSEEN =
  'The runner stopped before the agent finished. The agent left an answer and ended unseen; whether it did all of its work is unknown.';
const NOT_COMPLETED =
  'The agent ended without completing its turn, and the runner stopped before it could report the reason.';
const NEVER_RAN = 'The runner stopped before it started the agent; nothing ran.';

/** Stops what is left of the agent, and says how its job ended. */
export async function concludeLeftJob(
  context: Pick<WorkContext, 'graces' | 'secrets'>,
  { folder, journal }: { folder: string; journal: Journal },
): Promise<ResultRecord> {
  const { claim, progress, answerPath, otherSession } = journal;
  if (progress.kind === 'claimed') return failedResult('agent_error', NEVER_RAN, new Date());
  // The transcript of its session could tell more, but no agent server can be asked.
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

/** Processes that the agent started may outlive it. */
async function stopOrphans(mark: FamilyMark, { graces }: Pick<WorkContext, 'graces'>): Promise<string> {
  const { processes, left, signal } = await stopFamily(ProcessFamily.found(mark), graces);
  if (signal === 'none') return '';
  const rest = left === 0 ? '' : `, ${left} could not be ended`;
  return ` It was still running and was stopped (${processes} ended by ${signal}${rest}).`;
}
