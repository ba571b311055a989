/**
 * Converts values and times to positions in a chart. All charts have the same drawing area, whatever their size on the
 * screen.
 */

export const WIDTH = 1000;
export const HEIGHT = 240;

export interface Span {
  from: number;
  to: number;
  stepMs: number;
}

export interface Valued {
  at: number;
  /** The value. Undefined if there is no value for this time. */
  value: number | undefined;
}

export function xOf(at: number, { from, to }: Span): number {
  return Math.round(((at - from) / (to - from)) * WIDTH);
}

export function yOf(value: number, top: number): number {
  return Math.round(HEIGHT - (value / top) * HEIGHT);
}

/** Returns the lines through the values. A time without a value leaves a gap. */
export function linePath(values: readonly Valued[], span: Span, top: number): string {
  const runs = runsOf(values, span.stepMs);
  return runs.map((run) => `M${placesIn(run, span, top).join('L')}${run.length === 1 ? 'h1' : ''}`).join('');
}

/** Returns the areas below the lines. */
export function areaPath(values: readonly Valued[], span: Span, top: number): string {
  return runsOf(values, span.stepMs)
    .map((run) => {
      const [first, last] = [xOf(run[0].at, span), xOf(run.at(-1)?.at ?? 0, span)];
      return `M${first} ${HEIGHT}L${placesIn(run, span, top).join('L')}L${last} ${HEIGHT}z`;
    })
    .join('');
}

/** Returns a bar for each value that is not 0, on top of the bar of the series before. */
export function barPath(
  bars: readonly { at: number; below: number; value: number }[],
  span: Span,
  top: number,
): string {
  const width = Math.max(2, Math.floor((span.stepMs / (span.to - span.from)) * WIDTH * 0.8));
  return bars
    .filter(({ value }) => value > 0)
    .map(({ at, below, value }) => {
      const [low, high] = [yOf(below, top), yOf(below + value, top)];
      return `M${xOf(at, span)} ${low}V${high}h${width}V${low}z`;
    })
    .join('');
}

type Known = { at: number; value: number };

function placesIn(run: readonly Known[], span: Span, top: number): string[] {
  return run.map(({ at, value }) => `${xOf(at, span)} ${yOf(value, top)}`);
}

/** Splits the values into groups. A missing time begins a new group. */
function runsOf(values: readonly Valued[], stepMs: number): [Known, ...Known[]][] {
  const runs: [Known, ...Known[]][] = [];
  for (const { at, value } of values) {
    if (value === undefined) continue;
    const run = runs.at(-1);
    if (run !== undefined && at - (run.at(-1)?.at ?? 0) <= stepMs * 1.5) run.push({ at, value });
    else runs.push([{ at, value }]);
  }
  return runs;
}

/** Returns a round number that no value exceeds. Its half is a whole number. */
export function topOf(values: readonly (number | undefined)[]): number {
  const most = Math.max(2, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 4, 6, 8].find((factor) => factor * power >= most) ?? 10) * power;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const ROUND_TIMES = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400,
].map((seconds) => seconds * SECOND);

/** Returns a round duration in ms that no value exceeds. */
export function topTimeOf(values: readonly (number | undefined)[]): number {
  const most = Math.max(SECOND, ...values.map((value) => value ?? 0));
  return ROUND_TIMES.find((round) => round >= most) ?? Math.ceil(most / (24 * HOUR)) * 24 * HOUR;
}

export function shortTime(ms: number): string {
  const exact = (value: number, unit: string) => `${Number(value.toFixed(value < 10 ? 1 : 0))} ${unit}`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return exact(ms / SECOND, 's');
  return ms < HOUR ? exact(ms / MINUTE, 'min') : exact(ms / HOUR, 'h');
}
