/** A line chart as SVG. The newest and the highest value of each line are also given as text. */

import { exactWords } from '../design/words.ts';

export interface Line {
  name: string;
  /** The number of a color in the style sheet. */
  tone: 1 | 2 | 3 | 4 | 5;
  /** The value of each point. NaN means that nothing was measured. */
  values: readonly number[];
}

interface Props {
  title: string;
  /** The time at which each point begins. */
  times: readonly number[];
  stepMs: number;
  lines: readonly Line[];
  words: (value: number) => string;
}

const WIDTH = 600;
const HEIGHT = 160;

export function Chart({ title, times, stepMs, lines, words }: Props) {
  const known = lines.flatMap(({ values }) => values.filter(Number.isFinite));
  const top = niceTop(Math.max(1, ...known));
  const first = times[0] ?? 0;
  const spanMs = Math.max(stepMs, (times.at(-1) ?? first) - first);
  const x = (at: number) => ((at - first) / spanMs) * WIDTH;
  const y = (value: number) => HEIGHT - (value / top) * HEIGHT;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg
        viewBox={`-4 -6 ${WIDTH + 8} ${HEIGHT + 12}`}
        role="img"
        aria-label={title}
        preserveAspectRatio="none"
      >
        {[0, 0.5, 1].map((part) => (
          <line class="chart-grid" x1="0" x2={WIDTH} y1={y(part * top)} y2={y(part * top)} />
        ))}
        {lines.map(({ tone, values }) => (
          <path class={`chart-line chart-${tone}`} d={pathOf(values, { times, stepMs, x, y })} />
        ))}
      </svg>
      <p class="chart-scale quiet">
        <span>{exactWords(first).slice(5, 16)}</span>
        <span>top {words(top)}</span>
        <span>{exactWords(times.at(-1) ?? first).slice(5, 16)} UTC</span>
      </p>
      <ul class="legend">
        {lines.map(({ name, tone, values }) => (
          <li class={`chart-${tone}`}>
            {name} <b>{newestWords(values, words)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

interface Scales {
  times: readonly number[];
  stepMs: number;
  x: (at: number) => number;
  y: (value: number) => number;
}

/** Interrupts the line where a value was not measured or a point is missing. Draws a single point as a short line. */
function pathOf(values: readonly number[], { times, stepMs, x, y }: Scales): string {
  let path = '';
  let before = Number.NEGATIVE_INFINITY;
  for (const [index, value] of values.entries()) {
    const at = times[index] ?? 0;
    if (!Number.isFinite(value)) continue;
    const joins = at - before <= stepMs * 1.5;
    path += joins ? `L${round(x(at))} ${round(y(value))}` : `M${round(x(at))} ${round(y(value))}h1`;
    before = at;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Rounds up to one, two or five times a power of ten. */
function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 5, 10].find((one) => one * power >= most) ?? 10;
  return factor * power;
}

function newestWords(values: readonly number[], words: (value: number) => string): string {
  const known = values.filter(Number.isFinite);
  const newest = known.at(-1);
  if (newest === undefined) return '–';
  return `${words(newest)}, at most ${words(Math.max(...known))}`;
}
