/**
 * Asks the person in front of the runner whether a job may run. Only keys of the terminal answer: a prompt goes to its
 * agent through a pipe, and what was typed before the question came is thrown away.
 */

import { createInterface } from 'node:readline';
import type { Surroundings } from '../context.ts';
import { oneLine } from '../output/print.ts';
import { canAsk } from '../terminal.ts';
import type { AskPerson, JobAtPlace } from './policy-desk.ts';

/** Its sender waits, and so does every job behind it. */
const PATIENCE_MINUTES = 5;
const PATIENCE_MS = PATIENCE_MINUTES * 60_000;
/** Keys that were hit before somebody could read the question arrive in this time. */
const FLUSH_MS = 200;
const SHOWN_LINES = 12;
const SHOWN_COLUMNS = 160;

interface Terminal extends Pick<Surroundings, 'stdin' | 'stderr'> {
  /** The runner is asked to leave once its jobs are done: that is no answer. */
  draining?: AbortSignal | undefined;
}

const STILL_OPEN =
  '\nThe question above is still open: type "yes" to run the job, anything else to refuse it; Ctrl-C leaves without running it: ';

/** Undefined when there is no terminal. Questions of several jobs come one after the other. */
export function askAtTerminal(terminal: Terminal): AskPerson | undefined {
  if (!canAsk(terminal)) return undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (job, why, signal) => {
    const turn = last.then(() => askOnce(terminal, formatQuestion(job, why), signal));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** What the person reads; the job's own words are quoted, cannot steer the terminal, and hide nothing. */
export function formatQuestion(job: JobAtPlace, why: string): string {
  const lines = job.prompt.split('\n');
  const shown = lines.slice(0, SHOWN_LINES).map((line) => `  | ${cut(showHidden(oneLine(line)))}`);
  const rest = lines.length - shown.length;
  return [
    '',
    `A job asks to run (${why}):`,
    `  job      ${oneLine(job.id)}`,
    `  kind     ${oneLine(job.kind)}`,
    `  sender   ${oneLine(job.sender ?? 'not named')}`,
    `  session  ${oneLine(job.sessions[0] ?? '')}`,
    `  folder   ${oneLine(job.cwd)}`,
    ...shown,
    ...(rest > 0 ? [`  | … ${rest} more lines: orp job show ${oneLine(job.id)}`] : []),
    `Type "yes" to run it, anything else to refuse it (within ${PATIENCE_MINUTES} minutes): `,
  ].join('\n');
}

/** An agent reads characters that no terminal shows: whole orders can be written in them. */
function showHidden(line: string): string {
  return line.replace(
    /\p{Default_Ignorable_Code_Point}/gu,
    (unit) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

function cut(line: string): string {
  const units = Array.from(line);
  return units.length <= SHOWN_COLUMNS ? line : `${units.slice(0, SHOWN_COLUMNS - 1).join('')}…`;
}

async function askOnce(
  { stdin, stderr, draining }: Terminal,
  question: string,
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'nobody'> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  // Not raw: Ctrl-C stays a signal to the runner.
  const reader = createInterface({ input: stdin, terminal: false });
  const remind = () => void stderr.write(STILL_OPEN);
  try {
    return await new Promise((answer) => {
      const asked = setTimeout(() => {
        stderr.write(question);
        if (draining?.aborted) remind();
        else draining?.addEventListener('abort', remind, { once: true });
        reader.on('line', (line) => answer(line.trim().toLowerCase() === 'yes' ? 'yes' : 'no'));
      }, FLUSH_MS);
      const leave = () => {
        clearTimeout(asked);
        answer('nobody');
      };
      if (patience.aborted) leave();
      patience.addEventListener('abort', leave, { once: true });
      reader.on('close', leave);
    });
  } finally {
    draining?.removeEventListener('abort', remind);
    reader.close();
    stdin.pause();
  }
}
