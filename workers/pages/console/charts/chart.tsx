/**
 * One chart: a picture with classes only, its legend, and a sentence that says the same. The words of the axes are HTML, so
 * they keep their size on a phone.
 */

import { areaPath, barPath, HEIGHT, linePath, type Span, type Valued, WIDTH } from './scale.ts';

export type Look = 'accent' | 'good' | 'bad' | 'warn' | 'calm';

export interface Series {
  label: string;
  look: Look;
  values: readonly Valued[];
  /** A dashed line, which nobody needs colors to tell apart. */
  isDashed?: boolean;
  hasArea?: boolean;
}

interface Props {
  id: string;
  title: string;
  /** What the chart shows, in a sentence. */
  sentence: string;
  series: readonly Series[];
  kind: 'lines' | 'bars';
  span: Span;
  top: number;
  /** A value of the vertical axis in words. */
  words: (value: number) => string;
  /** Times of the horizontal axis in words, from the first to the last. */
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

/** Each series stands on those before it. */
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
