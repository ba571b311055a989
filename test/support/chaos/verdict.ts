/**
 * Compares the data of the server with the journals of the agents. Pure, so that tests can prove that it finds violations.
 *
 *   lost        the job was accepted but has not ended, although every machine is back; or the job's end is unknown, although
 *               the transcript of its session proves the end
 *   doubled     a prompt ran more often than its attempts, its policy and people's retries allow; or two runs were in one
 * session;
 *               or a prompt was entered into a session again without a retry by a person
 *   corrupted   a result or a transcript differs from the text that one run wrote
 */

import { isTerminal } from '../../../spec/job/status.ts';
import type { Run } from './journals.ts';
import type { Entry, Story } from './person.ts';
import type { Turn } from './turns.ts';

export type ViolationKind = 'lost' | 'doubled' | 'corrupted';

export interface Violation {
  kind: ViolationKind;
  jobId: string;
  sentence: string;
}

/** An accepted job, and all known facts about it. */
export interface Evidence {
  jobId: string;
  /** The job on the server. Undefined if the server does not know it. */
  story: Story | undefined;
  entries: readonly Entry[];
  /** The runs of the job, oldest first. */
  runs: readonly Run[];
  /** The turns of its prompts in the transcripts of agent servers. */
  turns: readonly Turn[];
  /** True if output of a run may be missing, because a runner or an agent server was killed or frozen. */
  isDisturbed: boolean;
  /** The number of retries by people that may have had an effect. */
  retries: number;
}

export function judgeJob(evidence: Evidence): Violation[] {
  const { jobId, story } = evidence;
  if (story === undefined) return [{ kind: 'lost', jobId, sentence: 'The service does not know it.' }];
  const found = [
    ...judgeEnd(story).map((sentence) => ({ kind: 'lost' as const, sentence })),
    ...judgeProof(story, evidence).map((sentence) => ({ kind: 'lost' as const, sentence })),
    ...judgeTurns(evidence).map((sentence) => ({ kind: 'doubled' as const, sentence })),
    ...judgeRuns(story, evidence).map((sentence) => ({ kind: 'doubled' as const, sentence })),
    ...judgeResults(story, evidence).map((sentence) => ({ kind: 'corrupted' as const, sentence })),
    ...judgeTranscript(story, evidence).map((sentence) => ({ kind: 'corrupted' as const, sentence })),
  ];
  return found.map((violation) => ({ jobId, ...violation }));
}

/** Checks that the job has ended. All machines are back and the server's time has passed, so no job may still wait. */
function judgeEnd({ status, waiting }: Story): string[] {
  if (isTerminal(status)) return [];
  return [`It is still ${status}: ${waiting?.message ?? 'nothing says what it waits for.'}`];
}

/** The error of the runner if its agent did not start. */
const NEVER_RAN = /nothing ran|had not started/;

function judgeRuns(story: Story, { runs, retries }: Evidence): string[] {
  const sentences = runs
    .filter((run) => run.overlaps !== undefined)
    .map((run) => `${run.run} and ${run.overlaps} were at work in ${run.session} together.`);
  const begun = story.attempts.filter((attempt) => attempt.startedAt !== undefined);
  const ran = begun.filter((attempt) => !NEVER_RAN.test(attempt.error ?? ''));
  if (runs.length > ran.length) {
    sentences.push(`${runs.length} runs, but only ${ran.length} attempts that say they ran.`);
  }
  const isHeld = story.onLeaseLoss === 'hold';
  if (isHeld && runs.length > 1 + retries) {
    sentences.push(`${runs.length} runs under policy hold, with ${retries} retries of people.`);
  }
  return sentences;
}

/** Checks that no job reports an unknown end or an interrupted turn if the transcript proves another end. */
function judgeProof({ attempts, status, onLeaseLoss }: Story, { turns, retries }: Evidence): string[] {
  if (turns.length === 0) return [];
  const isProven = turns.length === 1 && turns[0]?.status === 'completed';
  // A job that may be requeued can end by its number of attempts.
  if (isProven && status === 'failed' && onLeaseLoss === 'hold' && retries === 0) {
    return ['It failed, but the transcript says that its only turn completed.'];
  }
  return attempts.flatMap(({ attempt, codexSessionId, error = '' }) => {
    const statuses = turns.filter(({ session }) => session === codexSessionId).map(({ status }) => status);
    const isDenied =
      /is unknown/.test(error) ||
      (statuses.every((one) => one === 'completed') && /shows the turn as interrupted/.test(error));
    return isDenied && statuses.length > 0
      ? [`Attempt ${attempt} says "${error}", but the transcript says: ${statuses.join(', ')}.`]
      : [];
  });
}

/** Checks that a prompt was entered into the same session again only after a retry by a person. */
function judgeTurns({ turns, retries }: Evidence): string[] {
  return [...Map.groupBy(turns, ({ session }) => session)]
    .filter(([, entered]) => entered.length > 1 + retries)
    .map(
      ([session, entered]) =>
        `Its prompt was entered ${entered.length} times into ${session}, with ${retries} retries of people.`,
    );
}

function judgeResults(story: Story, { runs }: Evidence): string[] {
  const sentences: string[] = [];
  const used = new Set<Run>();
  for (const attempt of story.attempts) {
    if (attempt.content === undefined) {
      if (attempt.outcome === 'completed')
        sentences.push(`Attempt ${attempt.attempt} completed without an answer.`);
      continue;
    }
    const run = runs.find((one) => one.answer === attempt.content && !used.has(one));
    if (run === undefined) {
      sentences.push(`The answer of attempt ${attempt.attempt} is what no run of it wrote.`);
    } else {
      used.add(run);
      const isLong = attempt.outcome === 'completed' && !run.hasEnded;
      if (isLong)
        sentences.push(`Attempt ${attempt.attempt} completed, but ${run.run} never came to its end.`);
    }
  }
  const last = story.attempts.at(-1);
  if (story.status === 'completed' && story.content !== last?.content) {
    sentences.push('The answer of the job is not that of its last attempt.');
  }
  return sentences;
}

function judgeTranscript(story: Story, { entries, runs, turns, isDisturbed }: Evidence): string[] {
  return story.attempts.flatMap((attempt) => {
    const own = entries.filter((entry) => entry.attempt === attempt.attempt);
    const printed = joined(own.filter((entry) => entry.stream === 'stdout'));
    const said = joined(own.filter((entry) => entry.stream === 'agent'));
    const run = runs.find(
      (one) =>
        (isDisturbed ? isPartOf(printed, one) : outputOf(one).startsWith(printed)) &&
        (one.answer ?? '').startsWith(said),
    );
    const isSilent = printed === '' && said === '';
    if (run === undefined) {
      return isSilent ? [] : [`The transcript of attempt ${attempt.attempt} is not the output of one run.`];
    }
    if (attempt.outcome !== 'completed') return [];
    // An attempt that found its prompt in the transcript of the session ran nothing, so it has no output.
    const isFound = turns.length > 0 && turns.every(({ leaseId }) => leaseId !== attempt.leaseId);
    if (isSilent && isFound) return [];
    const whole = runs.find((one) => one.answer === attempt.content);
    if (whole === undefined) return [];
    if (isDisturbed) return [];
    return printed === outputOf(whole) && said === whole.answer
      ? []
      : [`The transcript of attempt ${attempt.attempt} is not all that ${whole.run} wrote.`];
  });
}

function joined(entries: readonly Entry[]): string {
  return entries.map((entry) => entry.text).join('');
}

/** Returns whether the text consists of pieces of the run in order. Some pieces may be missing. */
function isPartOf(printed: string, run: Run): boolean {
  let rest = printed;
  for (const { command, text } of run.pieces) {
    const piece = `$ ${command}\n${text}`;
    if (rest.startsWith(piece)) rest = rest.slice(piece.length);
    // The runner missed the beginning.
    else if (rest.startsWith(text)) rest = rest.slice(text.length);
  }
  return run.pieces.some(({ command, text }) => `$ ${command}\n${text}`.startsWith(rest)) || rest === '';
}

/** The output of a run's commands in the form of the transcript. */
function outputOf(run: Run): string {
  return run.pieces.map(({ command, text }) => `$ ${command}\n${text}`).join('');
}
