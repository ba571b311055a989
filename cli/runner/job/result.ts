/** Converts a run of the agent into the result that the runner delivers, in sizes that the server accepts. Pure. */

import { parseSections, summarizeReview } from '../../../spec/checkpoint/sections.ts';
import { CONDITION_CODES, type ConditionCode } from '../../../spec/job/condition.ts';
import {
  type FailureKind,
  MAX_RESULT_BYTES,
  REMEDIES,
  rulesOf,
  SUMMARY_LENGTH,
  type SummaryRule,
} from '../../../spec/job/kinds.ts';
import { MAX_RETRY_AFTER_MS, REASON_LENGTH, releaseSentence } from '../../../spec/job/release.ts';
import { clip, cut, cutToBytes, sentences, utcMinute } from '../../../spec/text.ts';
import { roughDuration } from '../../base/duration.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { ResultRecord, UsageTerms } from '../spool/records.ts';
import type { Held, ReceiptReport, ReleaseReport, ResultReport } from './hosted-api.ts';
import type { AgentRun } from './run-outcome.ts';

const NO_ANSWER = 'The agent ended without an answer.';
export const CANCELLED = 'The job was cancelled.';

/** The result for a failure outside the agent. */
export function failedResult(failureKind: FailureKind, error: string, now: Date): ResultRecord {
  return { outcome: 'failed', finished_at_utc: now.toISOString(), failure_kind: failureKind, error };
}

/** Facts about a run: what was run, and when it ended. */
export interface RunFacts {
  now: Date;
  /** Kind of the job. */
  kind: string;
  /** The name of the agent, for people. */
  agent: string;
  /** What to do at a usage limit. If absent, the job returns to the queue, as older servers expect. */
  usage?: UsageTerms | undefined;
}

/**
 * Judges a run that has ended by the agent's report about its turn, and by the exit code. Text on stderr is never an answer.
 * Text on stdout is the answer only if the program reports no events at all.
 */
export function judgeRun(
  run: Extract<AgentRun, { kind: 'ended' }>,
  { now, kind, agent, usage }: RunFacts,
): ResultRecord {
  const finished_at_utc = now.toISOString();
  const isStranger = run.otherSession !== undefined;
  if (run.stopped && !(isStranger && run.stopped.reason.kind === 'other_session')) {
    return { ...judgeStopped(run, finished_at_utc), ...withAnswer(run.answer, kind) };
  }
  if (isStranger)
    return { ...failedResult('session_missing', otherSession(run), now), ...receiptRecord(run) };
  const answer = run.answer ?? plainAnswer(run);
  const why = whyFailed(run, answer, agent);
  if (why === undefined) return { outcome: 'completed', finished_at_utc, ...withAnswer(answer, kind) };
  if (run.reading?.kind === 'session_in_use' && hadNoEffect(run)) return sessionInUse(now);
  const kindOfFailure = failureKindOf(run);
  const failed = withSentence(
    { ...failedResult(kindOfFailure, why, now), ...withAnswer(run.answer, kind) },
    REMEDIES[kindOfFailure] ?? '',
  );
  if (kindOfFailure === 'usage_limited') return judgeUsageLimit(failed, run, { now: now.getTime(), usage });
  return isCondition(kindOfFailure) && hadNoEffect(run) ? givenBack(failed, kindOfFailure) : failed;
}

/**
 * The agent's account has reached its usage limit:
 *
 *   the turn had an effect            → failed
 *   no terms, or no known reset       → back to the queue; the runner pauses
 *   the sender does not wait          → failed
 *   the job has waited before         → failed, because the named reset was wrong
 *   the job expires before the reset  → failed
 *   else                              → back to the queue until the reset
 *
 * Every failure names the reset if the reset is known.
 */
function judgeUsageLimit(
  limited: ResultRecord,
  run: Extract<AgentRun, { kind: 'ended' }>,
  { now, usage }: { now: number; usage: UsageTerms | undefined },
): ResultRecord {
  const until = run.reading?.kind === 'condition' ? run.reading.until : undefined;
  const reset = until === undefined ? '' : `The usage limit resets at ${utcMinute(until)}.`;
  const failed = withSentence(limited, reset);
  if (!hadNoEffect(run)) return failed;
  if (usage === undefined) return givenBack(limited, 'usage_limited');
  if (usage.policy === 'fail') return failed;
  if (usage.waits > 0) return withSentence(failed, 'The job has waited for a usage limit before.');
  if (until === undefined) return givenBack(limited, 'usage_limited');
  if (until >= usage.expires_at) {
    return withSentence(failed, `The job expires before that, at ${utcMinute(usage.expires_at)}.`);
  }
  const retry_after_ms = Math.min(Math.max(0, until - now), MAX_RETRY_AFTER_MS);
  const message = clip(limited.error ?? '', REASON_LENGTH);
  return { ...failed, release: { reason: 'usage_limited', message, retry_after_ms } };
}

function withSentence(result: ResultRecord, sentence: string): ResultRecord {
  return sentence === '' ? result : { ...result, error: sentences(result.error ?? '', sentence) };
}

/** The result for an agent that succeeded while its runner was killed before it could write the result. */
export function completedResult(content: string, kind: string): ResultRecord {
  return { outcome: 'completed', finished_at_utc: new Date().toISOString(), ...withAnswer(content, kind) };
}

/** Marks a failure as a reason to return the job to the queue. */
export function givenBack(result: ResultRecord, reason: ConditionCode): ResultRecord {
  return { ...result, release: { reason, message: clip(result.error ?? '', REASON_LENGTH) } };
}

const WHERE_IT_IS_OPEN =
  'Close it there (a terminal, an editor or the app of the agent), or send the prompt to another session.';

/** The result for a job whose session is open in another program. The job can run when a person closes the session. */
export function sessionInUse(now: Date, machine?: string): ResultRecord {
  const reason = 'session_in_use';
  const error = releaseSentence(reason, WHERE_IT_IS_OPEN, machine);
  return { ...failedResult('agent_error', error, now), release: { reason, message: WHERE_IT_IS_OPEN } };
}

/**
 * Returns whether events prove that the run had no effect: no command, no changed file, no message. Ignores helper
 * processes.
 */
function hadNoEffect({ turn, answer }: Extract<AgentRun, { kind: 'ended' }>): boolean {
  return !turn.hasEffect && answer === undefined;
}

function isCondition(kind: FailureKind): kind is ConditionCode {
  return (CONDITION_CODES as readonly string[]).includes(kind);
}

/** Returns the failure. Returns undefined if the agent succeeded with an answer. */
function whyFailed(
  { end, turn, failure }: Extract<AgentRun, { kind: 'ended' }>,
  answer: string | undefined,
  agent: string,
): string | undefined {
  if (end.exitCode !== 0) {
    const how =
      end.signal === null
        ? `${agent} ended with exit code ${end.exitCode}`
        : `${agent} was ended by ${end.signal}`;
    return failure === undefined ? `${how} and gave no reason.` : `${failure} (${how})`;
  }
  if (turn.state === 'failed') return failure ?? 'The agent reported a failure without a reason.';
  if (turn.state === 'open') return failure ?? 'The agent ended before its turn was complete.';
  if (answer === undefined) return NO_ANSWER;
  return undefined;
}

/** Returns the answer of a program that reports no events. */
function plainAnswer({ turn, stdout }: Extract<AgentRun, { kind: 'ended' }>): string | undefined {
  return turn.hasEvents || stdout.trim() === '' ? undefined : stdout;
}

function failureKindOf({ turn, reading }: Extract<AgentRun, { kind: 'ended' }>): FailureKind {
  if (reading === undefined || turn.state === 'completed') return 'agent_error';
  if (reading.kind === 'session_in_use') return 'agent_error';
  return reading.kind === 'condition' ? reading.code : reading.kind;
}

function otherSession({ stopped, otherSession: said }: Extract<AgentRun, { kind: 'ended' }>): string {
  return stopped?.reason.kind === 'other_session'
    ? stopSentence(stopped.reason)
    : otherSessionSentence(said ?? '');
}

/** Explains why the answer of the agent was dropped. */
export function otherSessionSentence(said: string): string {
  return `The agent began session ${said} instead of the linked one, which it does not know. Its answer was dropped.`;
}

function judgeStopped(run: Extract<AgentRun, { kind: 'ended' }>, finished_at_utc: string): ResultRecord {
  const { reason, receipt } = run.stopped ?? { reason: { kind: 'shutdown' } as const, receipt: undefined };
  return {
    outcome: reason.kind === 'cancelled' ? 'cancelled' : 'failed',
    finished_at_utc,
    error: receipt?.isForeign ? GOES_ON : stopSentence(reason),
    ...(reason.kind === 'cancelled'
      ? {}
      : {
          failure_kind: isLimit(reason) ? ('agent_timeout' as const) : ('agent_error' as const),
        }),
    ...receiptRecord(run),
  };
}

function receiptRecord({ stopped }: Extract<AgentRun, { kind: 'ended' }>): Pick<ResultRecord, 'receipt'> {
  if (stopped === undefined) return {};
  const { processes, signal, tookMs } = stopped.receipt;
  return { receipt: { processes, signal, took_ms: tookMs } };
}

function isLimit({ kind }: StopReason): boolean {
  return kind === 'time_limit' || kind === 'silence';
}

/** The runner does not stop a turn that belongs to another client. */
const GOES_ON =
  'The runner no longer follows the job. Its prompt is in a turn that another client of the session began, and that turn goes on. See the session for the outcome.';

/** Explains in one sentence why an agent was stopped. */
export function stopSentence(reason: StopReason): string {
  switch (reason.kind) {
    case 'cancelled':
      return CANCELLED;
    case 'lease_lost':
      return `The lease was lost (${reason.why}); the agent was stopped.`;
    case 'time_limit':
      return `The agent was stopped after ${roughDuration(reason.limitMs)}: its time limit.`;
    case 'silence':
      return `The agent was stopped after ${roughDuration(reason.limitMs)} without output: its silence limit.`;
    case 'other_session':
      return `The agent does not know the linked session ${reason.asked}: it began a new one (${reason.said}) and was stopped. Register another session with orp link session register.`;
    case 'shutdown':
      return 'The runner was stopped by a person before the agent finished.';
  }
}

function withAnswer(answer: string | undefined, kind: string): Pick<ResultRecord, 'summary' | 'content'> {
  if (answer === undefined) return {};
  const summary = summarise(answer, kind);
  return summary === undefined ? { content: answer } : { content: answer, summary };
}

/**
 * Summarizes an answer in one line of at most 280 characters. For a review, it uses the sections of the review. For any other
 * answer, it uses the first line with text, and a heading only if there is no other text.
 */
export function summarise(answer: string, kind: string): string | undefined {
  const line = firstSaidLine(answer);
  return SUMMARIES[rulesOf(kind)?.summary ?? 'first_line'](answer, line);
}

const SUMMARIES: Record<SummaryRule, (answer: string, line: string | undefined) => string | undefined> = {
  first_line: (_answer, line) => line,
  sections: (answer, line) => summarizeReview(parseSections(answer), line ?? '') || undefined,
};

function firstSaidLine(answer: string): string | undefined {
  const lines = answer
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const said = lines.find((line) => !/^#{1,6}\s/.test(line)) ?? lines[0];
  return said && cut(said.replace(/^#{1,6}\s+/, ''), SUMMARY_LENGTH);
}

/** The body of the complete call. */
export function reportOf(result: ResultRecord): ResultReport {
  return {
    success: result.outcome === 'completed',
    summary: result.summary ?? null,
    content: result.content ?? null,
    error: result.outcome === 'completed' ? null : (result.error ?? 'The job failed.'),
    failureKind: result.outcome === 'failed' ? (result.failure_kind ?? 'agent_error') : undefined,
  };
}

/** The body of the release call. Subtracts the time since the end of the run from the pause. */
export function releaseOf(
  { finished_at_utc }: Pick<ResultRecord, 'finished_at_utc'>,
  { reason, message, retry_after_ms }: NonNullable<ResultRecord['release']>,
  now: number,
): ReleaseReport {
  if (retry_after_ms === undefined) return { reason, message };
  const passed = Math.max(0, now - Date.parse(finished_at_utc));
  return { reason, message, retryAfterMs: Math.max(0, retry_after_ms - passed) };
}

/** The receipt of a cancelled run. */
export function receiptOf(result: ResultRecord): ReceiptReport {
  const { processes, signal, took_ms } = result.receipt ?? {
    processes: 0,
    signal: 'none' as const,
    took_ms: 0,
  };
  return { processes, signal, tookMs: took_ms, at: result.finished_at_utc };
}

/** Space for the mark at the end of a cut text. */
const MARK_BYTES = 1024;

/**
 * Cuts an answer that is too large for the server.
 * @param keep stores the complete text on this machine and returns its path
 */
export async function fitContent(
  content: string,
  held: Held,
  keep: (name: string, text: string) => Promise<string>,
): Promise<string> {
  const bytes = Buffer.byteLength(content);
  if (bytes <= MAX_RESULT_BYTES) return content;
  const head = cutToBytes(content, MAX_RESULT_BYTES - MARK_BYTES);
  const place = await keep(held.leaseId ?? held.jobId, content).catch(() => undefined);
  const where = place === undefined ? 'the rest is lost' : `the whole answer is on the machine in ${place}`;
  return `${head}\n\n[cut after 1 MiB of ${bytes} bytes; ${where}]`;
}
