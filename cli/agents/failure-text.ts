/** Finds the line of an agent's output that explains its failure. */

import { clip, cut } from '../../spec/text.ts';

const MAX_FAILURE_CHARS = 2000;

/** Matches lines that do not explain a failure: stack traces, decoration, and advice about traces. */
const NOISE = [
  /^\s*$/,
  /^\s*(stack backtrace|note: run with|note: some details are omitted)/i,
  /^\s*\d+:\s/,
  /^\s*at\s+\S/,
  /^[\s\-=*─_#]+$/,
];
const LOOKS_LIKE_ERROR =
  /^\s*(?:\S+:\s*)?(?:fatal|error|panic|exception|uncaught|failed|thread '.*' panicked)\b/i;
const LOOKS_LIKE_WARNING = /^\s*(?:warn(?:ing)?|info|debug|trace|note|hint)\b/i;

/** Longer than the shown text, so that redaction sees a secret at its end completely. */
const KEPT_CHARS = 2 * MAX_FAILURE_CHARS;

/** The explanation to show. Redact it before cutting: a partial secret is not recognized. */
export function cutFailure(text: string): string {
  return clip(text, MAX_FAILURE_CHARS);
}

/**
 * Collects possible explanations from the output, with constant memory.
 * Preference: the agent's final failure event, the last line of stderr that looks like an error, the agent's last
 * remark about an error, the last line of stderr that is neither noise nor a warning, then any.
 */
export class FailureText {
  #final: string | undefined;
  #remark: string | undefined;
  #errorLine: string | undefined;
  #plainLine: string | undefined;
  #anyLine: string | undefined;

  /** Adds a failure message of the agent. */
  addEvent(message: string, isFinal: boolean): void {
    const said = clean(message);
    if (said === '') return;
    if (isFinal) this.#final = said;
    else this.#remark = said;
  }

  /** Adds one line of stderr. */
  addStderrLine(line: string): void {
    if (NOISE.some((pattern) => pattern.test(line))) return;
    const said = clean(line);
    this.#anyLine = said;
    if (LOOKS_LIKE_ERROR.test(line)) this.#errorLine = said;
    else if (!LOOKS_LIKE_WARNING.test(line)) this.#plainLine = said;
  }

  /** The best explanation so far. */
  best(): string | undefined {
    return this.#final ?? this.#errorLine ?? this.#remark ?? this.#plainLine ?? this.#anyLine;
  }
}

function clean(line: string): string {
  return cut(line.trim(), KEPT_CHARS);
}
