/** Describes a violation for the person who must find the cause. */

import { type ChaosResult, isClean } from './chaos-run.ts';
import type { Run } from './journals.ts';
import type { Evidence } from './verdict.ts';

const SHOWN_CHARS = 160;

export function tellStory(result: ChaosResult): string[] {
  if (isClean(result)) return [];
  return [
    `Seed ${result.seed}: ${result.violations.length} violations, ${result.leftovers.length} leftovers.`,
    ...result.leftovers.map((sentence) => `  ${sentence}`),
    ...result.violations.map(({ kind, jobId, sentence }) => `  ${kind}: ${jobId}: ${sentence}`),
    ...result.stories.flatMap((evidence) => tellJob(evidence)),
    `Logs and journals: ${result.folder}`,
  ];
}

function tellJob({ jobId, story, entries, runs, retries }: Evidence): string[] {
  if (story === undefined) return [`${jobId}: the service knows nothing of it.`];
  const { prompt, status, onLeaseLoss, attempts, events } = story;
  return [
    `${jobId} (${status}, ${onLeaseLoss}, ${retries} retries sent)`,
    `  prompt   ${prompt}`,
    ...attempts.map((attempt) => `  attempt  ${JSON.stringify(cut(attempt))}`),
    ...events.map((event) => `  event    ${JSON.stringify(event)}`),
    ...(story.waiting ? [`  waits    ${story.waiting.message}`] : []),
    ...runs.map((run) => `  run      ${tellRun(run)}`),
    ...entries.map(
      (entry) =>
        `  entry    ${entry.attempt}/${entry.seq} ${entry.stream} ${JSON.stringify(short(entry.text))}`,
    ),
  ];
}

function tellRun({ run, session, startedAt, pieces, answer, hasEnded }: Run): string {
  const said = answer === undefined ? 'no answer' : `answer ${JSON.stringify(short(answer))}`;
  const end = hasEnded ? 'came to its end' : 'did not come to its end';
  return `${run} in ${session} at ${new Date(startedAt).toISOString()}: ${pieces.length} pieces, ${said}, ${end}`;
}

function cut(attempt: { content?: string | undefined }): object {
  return attempt.content === undefined ? attempt : { ...attempt, content: short(attempt.content) };
}

function short(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}… (${text.length})` : text;
}
