/**
 * Asks the person in front of the runner whether a job may run. Only keys of the terminal answer: a prompt goes to its
 * agent through a pipe, and what was typed before the question came is thrown away.
 */

import { createInterface } from 'node:readline';
import { oneLine } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import type { Streams } from '../output/context.ts';
import { canAsk } from '../output/terminal.ts';
import type { TextOutput } from '../output/text-output.ts';
import type { AskPerson, JobAtPlace, PersonAnswer } from './owner-policy.ts';

/** Its sender waits, and so does every job behind it. */
const PATIENCE_MINUTES = 5;
const PATIENCE_MS = PATIENCE_MINUTES * 60_000;
/** Keys that were hit before somebody could read the question arrive in this time. */
const FLUSH_MS = 200;
const SHOWN_LINES = 12;
const SHOWN_COLUMNS = 160;

interface Terminal extends Pick<Streams, 'stdin'> {
  stderr: Pick<TextOutput, 'isTTY'> & { write(text: string): unknown };
  /** Aborts when the runner is to leave (Ctrl-C, a closed terminal): the question is left without an answer. */
  draining?: AbortSignal | undefined;
  /** Called when the terminal has no more input (Ctrl-D): nobody can be asked there again. */
  onInputEnd?(): void;
}

const CHOICE = 'y runs it, n refuses it, Ctrl-C puts it back and leaves: ';
const UNCLEAR = `Please type y or n. ${CHOICE}`;

/** Undefined when there is no terminal. Questions about several jobs come one after the other. */
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
  const seeAll = `orp job show ${show(shellWord(job.id))}`;
  const shown = lines.slice(0, SHOWN_LINES).map((line) => `  | ${showLine(line, seeAll)}`);
  const rest = lines.length - shown.length;
  return [
    '',
    `A job asks to run (${why}):`,
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

/** A long gap would push the rest of a line out of sight; code is indented by less. */
const PIECES = /[\p{White_Space}\u2800]{9,}|./gsu;
/**
 * An agent reads characters that no terminal shows, or shows as a blank: whole orders can be written in them. Besides what
 * Unicode calls invisible these are private and unknown characters, other spaces, blank braille and the null note.
 */
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\p{C}\u2800\u{1d159}]|(?! )\p{Zs}/gu;

/** One character, or a long gap by its length. */
function showPiece(piece: string): string {
  const { length } = Array.from(piece);
  if (length > 1) return `[${length} blanks]`;
  return oneLine(piece).replace(HIDDEN, (unit) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`);
}

function show(text: string): string {
  return Array.from(text.match(PIECES) ?? [], showPiece).join('');
}

/** As much of a line as there is room for, and how much more there is of it. */
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

/** What a typed line means; undefined: neither yes nor no. */
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
  // Not raw: Ctrl-C stays a signal to the runner.
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
    // What is printed next begins on a line of its own.
    if (isAsked && (answer === 'left' || answer === 'nobody')) stderr.write('\n');
    return answer;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    reader.removeAllListeners('close');
    reader.close();
    stdin.pause();
  }
}
