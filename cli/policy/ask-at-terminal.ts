/**
 * Asks the person at the runner's terminal whether a job may run. Only terminal input can answer: prompts reach the agent through
 * a pipe. Input from before the question is discarded.
 */

import { createInterface } from 'node:readline';
import { oneLine } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import type { Streams } from '../output/context.ts';
import { canAsk } from '../output/terminal.ts';
import type { TextOutput } from '../output/text-output.ts';
import type { AskPerson, JobAtPlace, PersonAnswer } from './owner-policy.ts';

/** The time for an answer is limited, because the sender and all later jobs wait. */
const PATIENCE_MINUTES = 5;
const PATIENCE_MS = PATIENCE_MINUTES * 60_000;
/** Time in which keys that were pressed before the question may still arrive. */
const FLUSH_MS = 200;
const SHOWN_LINES = 12;
const SHOWN_COLUMNS = 160;

interface Terminal extends Pick<Streams, 'stdin'> {
  stderr: Pick<TextOutput, 'isTTY'> & { write(text: string): unknown };
  /** Aborts when the runner shuts down (Ctrl-C, a closed terminal). The question then ends without an answer. */
  draining?: AbortSignal | undefined;
  /** Called at the end of terminal input (Ctrl-D). No further questions are possible. */
  onInputEnd?(): void;
}

const CHOICE = 'y runs it, n refuses it, Ctrl-C returns it to the queue and exits: ';
const UNCLEAR = `Type y or n. ${CHOICE}`;

/** Returns a function that asks about one job at a time, or undefined if there is no terminal. */
export function askAtTerminal(terminal: Terminal): AskPerson | undefined {
  if (!canAsk(terminal)) return undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (job, why, signal) => {
    const turn = last.then(() => askOnce(terminal, formatQuestion(job, why), signal));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** The question. Text from the job is quoted, escaped and fully visible. */
export function formatQuestion(job: JobAtPlace, why: string): string {
  const lines = job.prompt.split('\n');
  const seeAll = `orp job show ${show(shellWord(job.id))}`;
  const shown = lines.slice(0, SHOWN_LINES).map((line) => `  | ${showLine(line, seeAll)}`);
  const rest = lines.length - shown.length;
  return [
    '',
    `A job needs your confirmation (${why}):`,
    `  job      ${show(job.id)}`,
    `  kind     ${show(job.kind)}`,
    `  sender   ${show(job.sender ?? 'not named')}`,
    `  session  ${show(job.sessions[0] ?? '')}`,
    `  folder   ${show(job.cwd)}`,
    ...shown,
    ...(rest > 0 ? [`  | … ${rest} more lines: ${seeAll}`] : []),
    `May it run? Answer within ${PATIENCE_MINUTES} minutes. ${CHOICE}`,
  ].join('\n');
}

/** Longer gaps could push text out of sight. Code has shorter indentation. */
const PIECES = /[\p{White_Space}\u2800]{9,}|./gsu;
/**
 * An agent also reads characters that terminals do not show, so they could hide instructions. They are the invisible characters
 * of Unicode, private and unassigned characters, other spaces, the blank braille pattern and the musical null notehead.
 */
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\p{C}\u2800\u{1d159}]|(?! )\p{Zs}/gu;

/** Shows one character, or the length of a long gap. */
function showPiece(piece: string): string {
  const { length } = Array.from(piece);
  if (length > 1) return `[${length} blanks]`;
  return oneLine(piece).replace(HIDDEN, (unit) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`);
}

function show(text: string): string {
  return Array.from(text.match(PIECES) ?? [], showPiece).join('');
}

/** The start of a line, and the number of characters that are cut. */
function showLine(line: string, seeAll: string): string {
  const pieces = line.match(PIECES) ?? [];
  let shown = '';
  for (const [at, piece] of pieces.entries()) {
    const next = showPiece(piece);
    if (shown.length + next.length > SHOWN_COLUMNS) {
      const rest = Array.from(pieces.slice(at).join('')).length;
      return `${shown}… ${rest} more characters: ${seeAll}`;
    }
    shown += next;
  }
  return shown;
}

/** Returns the meaning of a typed line, or undefined if it is neither yes nor no. */
function readAnswer(line: string): 'yes' | 'no' | undefined {
  const word = line.trim().toLowerCase();
  if (word === 'y' || word === 'yes') return 'yes';
  return word === 'n' || word === 'no' ? 'no' : undefined;
}

async function askOnce(
  { stdin, stderr, draining, onInputEnd }: Terminal,
  question: string,
  signal: AbortSignal,
): Promise<PersonAnswer> {
  const left = AbortSignal.any(draining === undefined ? [signal] : [signal, draining]);
  if (left.aborted) return 'left';
  // Do not use raw mode, so that Ctrl-C stays a signal to the runner.
  const reader = createInterface({ input: stdin, terminal: false });
  const timers: NodeJS.Timeout[] = [];
  let isAsked = false;
  try {
    const answer = await new Promise<PersonAnswer>((settle) => {
      const ask = () => {
        isAsked = true;
        stderr.write(question);
        reader.on('line', (line) => {
          const meant = readAnswer(line);
          if (meant === undefined) stderr.write(UNCLEAR);
          else settle(meant);
        });
      };
      timers.push(
        setTimeout(ask, FLUSH_MS),
        setTimeout(() => settle('nobody'), PATIENCE_MS),
      );
      left.addEventListener('abort', () => settle('left'), { once: true });
      const endInput = () => {
        onInputEnd?.();
        settle('left');
      };
      reader.on('close', endInput);
      reader.on('error', endInput);
    });
    // Start the next output on a new line.
    if (isAsked && (answer === 'left' || answer === 'nobody')) stderr.write('\n');
    return answer;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    reader.removeAllListeners('close');
    reader.close();
    stdin.pause();
  }
}
