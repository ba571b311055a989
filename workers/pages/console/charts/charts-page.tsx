/** The charts of the service over an hour, a day or a week. */

import type { Hono } from 'hono';
import { showCharts as chartsRow } from '../../../../spec/contract/admin.ts';
import { accept } from '../../../../spec/errors.ts';
import { CHART_SPANS, type ChartSpan } from '../../../../spec/overview/stats.ts';
import type { AppEnv } from '../../../http/app-env.ts';
import { parse } from '../../../http/parse.ts';
import { readCharts } from '../../../overview/charts.ts';
import { type PageRequest, showPage } from '../../frame/page.ts';
import { namedIn } from '../../parts/filter.tsx';
import { Empty, ErrorNote } from '../../parts/notes.tsx';
import { ConsoleHeading } from '../console-heading.tsx';
import { PATHS } from '../paths.ts';
import { ChartTable } from './chart-table.tsx';
import { Durations, Outcomes, QueueDepth } from './panels.tsx';
import { timesOf } from './times.ts';

const LABELS: Record<ChartSpan, string> = { hour: 'Hour', day: 'Day', week: 'Week' };
const LENGTH_MS: Record<ChartSpan, number> = {
  hour: 60 * 60_000,
  day: 24 * 60 * 60_000,
  week: 7 * 24 * 60 * 60_000,
};

export function mountCharts(app: Hono<AppEnv>): void {
  showPage(app, { path: PATHS.charts, operatorsOnly: true }, chartsPage);
}

async function chartsPage({ query, deps }: PageRequest) {
  const parsed = parse(chartsRow.query, namedIn(query, ['span']), 'query');
  const span = parsed.ok ? (parsed.value as { span: ChartSpan }).span : 'hour';
  const { points, pointSeconds } = await readCharts(deps, span);
  const stepMs = pointSeconds * 1000;
  const to = Math.floor(deps.now / stepMs) * stepMs;
  const around = { points, span: { from: to - LENGTH_MS[span], to, stepMs }, times: timesOf(span, to) };
  return accept({
    title: 'Charts',
    place: 'console' as const,
    ...(parsed.ok ? { liveSeconds: 30 } : { status: 400 as const }),
    body: (
      <>
        <ConsoleHeading title="Charts" part="charts" aside="All accounts. Times are in UTC." isLive />
        <nav class="choices" aria-label="Time">
          {CHART_SPANS.map((one) => (
            <a
              class="button"
              href={`${PATHS.charts}?span=${one}`}
              aria-current={one === span ? 'page' : undefined}
            >
              {LABELS[one]}
            </a>
          ))}
        </nav>
        <ErrorNote refusal={parsed.ok ? undefined : parsed.refusal} />
        <div data-region="charts">
          {points.length === 0 ? (
            <Empty title="No data yet">
              <p>
                The server notes one point a minute; the first one of this chart comes when its time is full.
              </p>
            </Empty>
          ) : (
            <>
              <div class="charts">
                <QueueDepth {...around} />
                <Outcomes {...around} />
                <Durations {...around} what="wake" />
                <Durations {...around} what="run" />
              </div>
              {points.some(({ sampled }) => sampled) && (
                <p class="quiet">
                  There were more jobs than the server looks at in a minute: outcomes and durations are of a
                  part of them.
                </p>
              )}
              <ChartTable points={points} span={span} />
            </>
          )}
        </div>
      </>
    ),
  });
}
