/** The history of a job for a person, in chronological order. Pure. */

import { oneLine } from '../base/one-line.ts';
import { plainText } from '../output/plain-text.ts';
import { Hanging, type Rich } from '../output/text-output.ts';
import type { JobStory } from './job-types.ts';

type Attempt = JobStory['attempts'][number];

/** The story for a terminal: long events are wrapped below their text. */
export function storyPage(job: JobStory, columns: number): Rich {
  const lines = formatStory(job).split('\n');
  const end = lines.findIndex((line, at) => at > 1 && line === '');
  return lines.map((line, at) => [
    at < end ? new Hanging(at === 0 || columns < NARROW ? 4 : EVENT_COLUMN, line) : line,
    at === lines.length - 1 ? '' : '\n',
  ]);
}

/** Below this width, the text would be a narrow column beside the time. */
const NARROW = 60;
/** Where the text of an event begins, after its time. */
const EVENT_COLUMN = 23;

/** Formats all known events, from queueing to the answer. */
export function formatStory(job: JobStory): string {
  const events = [queuedEvent(job), ...job.attempts.flatMap(attemptEvents), ...orders(job)];
  const lines = events
    .filter((event) => event !== undefined)
    .toSorted((a, b) => a.at.localeCompare(b.at))
    .map((event) => `  ${oneLine(event.at.slice(0, 19).replace('T', ' '))}  ${oneLine(event.text)}`);
  return [
    oneLine(`${job.id}  ${job.kind}  ${job.status}`),
    '',
    ...lines,
    ...[job.waiting?.message, job.waiting?.note]
      .filter((sentence) => sentence !== undefined)
      .map((sentence) => `  now                  ${oneLine(sentence)}`),
    ...block('Prompt', job.prompt),
    ...block('Answer', job.content),
    ...(job.error === undefined ? [] : ['', `Error: ${oneLine(job.error)}`]),
    '',
  ].join('\n');
}

interface StoryEvent {
  at: string;
  text: string;
}

function queuedEvent(job: JobStory): StoryEvent {
  const by = job.createdBy === undefined ? '' : ` by ${job.createdBy}`;
  const later = job.notBefore === undefined ? '' : `, not before ${job.notBefore}`;
  const limit = job.onUsageLimit === 'fail' ? ', fails at a usage limit' : '';
  return { at: job.createdAt, text: `queued${by}${later}${limit}` };
}

function attemptEvents(attempt: Attempt): (StoryEvent | undefined)[] {
  const name = `attempt ${attempt.attempt}`;
  const fallback = attempt.fallbackReason === undefined ? '' : `, ${attempt.fallbackReason}`;
  const why = attempt.sessionSource === undefined ? '' : ` (${attempt.sessionSource}${fallback})`;
  const where = attempt.projectRoot === undefined ? '' : ` in ${attempt.projectRoot}`;
  return [
    eventAt(attempt.claimedAt, `${name}: claimed by ${attempt.machineId ?? 'a machine'}${where}`),
    eventAt(attempt.startedAt, `${name}: started in session ${attempt.orpSessionId ?? '?'}${why}`),
    eventAt(attempt.finishedAt, `${name}: ${attempt.outcome ?? 'ended'}${reasonOf(attempt)}`),
  ];
}

function reasonOf({ failureKind, error, summary }: Attempt): string {
  const text = error ?? summary;
  const kind = failureKind === undefined ? '' : ` (${failureKind})`;
  return text === undefined ? kind : `${kind}: ${text}`;
}

const ORDERED = { cancel: 'cancelled', retry: 'queued again', stopped: 'the runner confirmed' } as const;

/** Returns the cancels and retries by people. If the server does not return them, only the last cancel is known. */
function orders(job: JobStory): (StoryEvent | undefined)[] {
  if (job.events.length === 0) return cancelEvents(job);
  return job.events.map(({ at, action, by, detail }) => {
    const who = by === undefined || action === 'stopped' ? '' : ` by ${by}`;
    return { at, text: `${ORDERED[action]}${who}${detail === undefined ? '' : `: ${detail}`}` };
  });
}

function cancelEvents({ cancel }: JobStory): (StoryEvent | undefined)[] {
  if (cancel === undefined) return [];
  const by = cancel.by === undefined ? '' : ` by ${cancel.by}`;
  const reason = cancel.reason === undefined ? '' : `: ${cancel.reason}`;
  const { receipt } = cancel;
  const how =
    receipt === undefined
      ? ''
      : ` (${receipt.processes} ended by ${receipt.signal} after ${receipt.tookMs} ms)`;
  return [
    { at: cancel.at, text: `cancelled${by}${reason}` },
    eventAt(cancel.confirmedAt, `the runner confirmed that the agent has ended${how}`),
  ];
}

function eventAt(at: string | undefined, text: string): StoryEvent | undefined {
  return at === undefined ? undefined : { at, text };
}

function block(title: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const indented = plainText(text.trimEnd())
    .split('\n')
    .map((line) => `  ${line}`);
  return ['', `${title}:`, ...indented];
}
