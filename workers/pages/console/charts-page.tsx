/** The charts of the service over an hour, a day or a week. */

import type { Hono } from 'hono';
import { accept } from '../../../spec/errors.ts';
import { CHART_SPANS, type ChartSpan } from '../../../spec/overview/stats.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { readCharts } from '../../overview/charts.ts';
import { lengthWords } from '../design/words.ts';
import { showPage } from '../frame/page.ts';
import { Empty } from '../parts/notes.tsx';
import { Chart } from './chart.tsx';
import { ConsoleHeading } from './console-heading.tsx';
import { PATHS } from './paths.ts';

type Points = Awaited<ReturnType<typeof readCharts>>['points'];

const WORDS: Record<ChartSpan, string> = {
  hour: 'The last hour',
  day: 'The last day',
  week: 'The last week',
};

export function mountCharts(app: Hono<AppEnv>): void {
  showPage(app, { path: PATHS.charts, operatorsOnly: true }, async ({ query, deps }) => {
    const span = CHART_SPANS.find((one) => one === query.get('span')) ?? 'hour';
    const { points, pointSeconds } = await readCharts(deps, span);
    return accept({
      title: 'Charts',
      place: 'console',
      liveSeconds: 60,
      body: (
        <>
          <ConsoleHeading part="charts" title="Charts" aside={WORDS[span]} />
          <nav class="choices" aria-label="Time">
            {CHART_SPANS.map((one) => (
              <a
                class="button"
                href={`${PATHS.charts}?span=${one}`}
                aria-current={one === span ? 'page' : undefined}
              >
                {one}
              </a>
            ))}
          </nav>
          <div data-region="charts" class="charts">
            {points.length === 0 ? (
              <Empty title="No minute has been recorded yet" />
            ) : (
              <Charts points={points} stepMs={pointSeconds * 1000} />
            )}
          </div>
        </>
      ),
    });
  });
}

function Charts({ points, stepMs }: { points: Points; stepMs: number }) {
  const of = <Key extends keyof Points[number]>(key: Key) =>
    points.map((point) => Number(point[key] ?? Number.NaN));
  const times = points.map((point) => Date.parse(point.at));
  const count = (value: number) => value.toLocaleString('en');
  return (
    <>
      <Chart
        title="Jobs that have not ended"
        times={times}
        stepMs={stepMs}
        words={count}
        lines={[
          { name: 'queued', tone: 1, values: of('queued') },
          { name: 'active', tone: 2, values: of('active') },
          { name: 'lost', tone: 3, values: of('lost') },
        ]}
      />
      <Chart
        title="Jobs that ended"
        times={times}
        stepMs={stepMs}
        words={count}
        lines={[
          { name: 'completed', tone: 2, values: of('completed') },
          { name: 'failed', tone: 4, values: of('failed') },
          { name: 'cancelled', tone: 5, values: of('cancelled') },
        ]}
      />
      <Chart
        title="From due to claimed"
        times={times}
        stepMs={stepMs}
        words={lengthWords}
        lines={[
          { name: 'half of the jobs', tone: 1, values: of('wakeP50Ms') },
          { name: '95 of 100', tone: 3, values: of('wakeP95Ms') },
        ]}
      />
      <Chart
        title="Run time"
        times={times}
        stepMs={stepMs}
        words={lengthWords}
        lines={[
          { name: 'half of the jobs', tone: 1, values: of('runP50Ms') },
          { name: '95 of 100', tone: 3, values: of('runP95Ms') },
        ]}
      />
    </>
  );
}
