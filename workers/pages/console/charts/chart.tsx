/**
 * One chart: a picture (styled only with classes), its legend, and a sentence with the same information. The labels of the
 * axes are HTML, so they keep their size on a phone.
 */

import { areaPath, barPath, HEIGHT, linePath, type Span, type Valued, WIDTH } from './scale.ts';

export type Look = 'accent' | 'good' | 'bad' | 'warn' | 'calm';

export interface Series {
  label: string;
  look: Look;
  values: readonly Valued[];
  /** True for a dashed line, which people can distinguish without colors. */
  isDashed?: boolean;
  hasArea?: boolean;
}

interface Props {
  id: string;
  title: string;
  /** A sentence that says what the chart shows. */
  sentence: string;
  series: readonly Series[];
  kind: 'lines' | 'bars';
  span: Span;
  top: number;
  /** Returns a value of the vertical axis in words. */
  words: (value: number) => string;
  /** The labels of the horizontal axis, from the first to the last time. */
  times: readonly string[];
}

export function Chart({ id, title, sentence, series, kind, span, top, words, times }: Props) {
  return (
    <figure class="card chart">
      <figcaption>
        <h2 id={`${id}-title`}>{title}</h2>
        <p class="quiet">{sentence}</p>
      </figcaption>
      <div class="plot">
        <div class="plot-y" aria-hidden="true">
          <span>{words(top)}</span>
          <span>{words(top / 2)}</span>
          <span>0</span>
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}. ${sentence}`}
        >
          <path class="grid" d={`M0 1H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}`} />
          {kind === 'bars' ? <Bars {...{ series, span, top }} /> : <Lines {...{ series, span, top }} />}
        </svg>
        <div class="plot-x" aria-hidden="true">
          {times.map((time) => (
            <span>{time}</span>
          ))}
        </div>
      </div>
      <ul class="legend">
        {series.map(({ label, look, isDashed }) => (
          <li class={`in-${look}${isDashed ? ' dashed' : ''}`}>{label}</li>
        ))}
      </ul>
    </figure>
  );
}

type Drawn = Pick<Props, 'series' | 'span' | 'top'>;

function Lines({ series, span, top }: Drawn) {
  return (
    <>
      {series.map(({ look, values, isDashed, hasArea }) => (
        <>
          {hasArea && <path class={`area in-${look}`} d={areaPath(values, span, top)} />}
          <path class={`line in-${look}${isDashed ? ' dashed' : ''}`} d={linePath(values, span, top)} />
        </>
      ))}
    </>
  );
}

/** Stacks each series on top of the series before it. */
function Bars({ series, span, top }: Drawn) {
  return (
    <>
      {series.map(({ look, values }, index) => (
        <path
          class={`bar in-${look}`}
          d={barPath(
            values.map(({ at, value = 0 }, place) => ({
              at,
              value,
              below: sumAt(series.slice(0, index), place),
            })),
            span,
            top,
          )}
        />
      ))}
    </>
  );
}

function sumAt(series: readonly Series[], place: number): number {
  return series.reduce((sum, { values }) => sum + (values[place]?.value ?? 0), 0);
}
