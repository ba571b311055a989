/** Why an agent failed, in its own words: the line a person would point at, not the banner it began with. */

import { clip, cut } from '../../spec/text.ts';

const MAX_FAILURE_CHARS = 2000;

/** Lines of a stack trace, decoration and advice about traces: true, but not the reason. */
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

/** More than is ever shown, so that a secret at the end of what is shown can be seen whole. */
const KEPT_CHARS = 2 * MAX_FAILURE_CHARS;

/** The explanation as it is shown. Cut it when its secrets have been taken out, not before: half a secret is not known. */
export function cutFailure(text: string): string {
  return clip(text, MAX_FAILURE_CHARS);
}

/**
 * Remembers what may explain a failure while output passes by: constant memory however long the output is.
 * Preference: the agent's final failure event, the last line of stderr that looks like an error, the agent's last
 * remark about an error, the last line of stderr that is neither noise nor a warning, then any.
 */
export class FailureText {
  #final: string | undefined;
  #remark: string | undefined;
  #errorLine: string | undefined;
  #plainLine: string | undefined;
  #anyLine: string | undefined;

  /** Notes what the agent itself says about its failure. */
  addEvent(message: string, isFinal: boolean): void {
    const said = clean(message);
    if (said === '') return;
    if (isFinal) this.#final = said;
    else this.#remark = said;
  }

  /** Notes one line of stderr. */
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
