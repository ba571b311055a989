/** The sentences of the pages about a job. */

import type { ReplyInput } from '../../../spec/contract/endpoint.ts';
import type { showJob } from '../../../spec/contract/jobs.ts';
import { rulesOf } from '../../../spec/job/kinds.ts';
import type { JobView } from '../../jobs/job-view.ts';
import { shownLine } from '../design/shown.ts';

/** A job with its history. */
export type ShownJob = ReplyInput<typeof showJob>['job'];
export type ListedJob = JobView;

/** The title of a page repeats the prompt, which the page also shows below the title. */
const TITLE_LENGTH = 90;

/** Returns the beginning of the prompt. For a prompt that the server composed, returns a title instead. */
export function jobTitle(job: ListedJob & { prompt?: string }): string {
  const rules = rulesOf(job.kind);
  if (rules?.composedBy === 'server') return `${capital(rules.noun)} of an idea`;
  return shownLine(job.promptStart ?? job.prompt ?? '', TITLE_LENGTH) || capital(rules?.noun ?? job.kind);
}

export function kindNoun(kind: string): string {
  return capital(rulesOf(kind)?.noun ?? kind);
}

/** Returns one sentence about the job: why it waits, what it is doing, or how it ended. */
export function jobSentence(job: ListedJob): string {
  if (job.waiting !== undefined) return shownLine(job.waiting.message, 300);
  if (job.status === 'running') return 'The agent is working.';
  if (job.status === 'cancelled') return cancelSentence(job);
  return shownLine(job.summary ?? job.error ?? '', 300);
}

function cancelSentence({ cancel }: ListedJob): string {
  const reason = cancel?.reason ? `: ${shownLine(cancel.reason, 200)}` : '';
  return `Cancelled${reason}`;
}

/** Returns the last part of a path, which people use as the name of a repository. */
export function folderName(projectRoot: string): string {
  return shownLine(
    projectRoot
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) ?? projectRoot,
    60,
  );
}

function capital(noun: string): string {
  return noun.charAt(0).toUpperCase() + noun.slice(1);
}
