/** The numbers of the charts as a table. Each row combines a few points, so that the table is short. */

import type { ChartSpan } from '../../../../spec/overview/stats.ts';
import type { Point } from './panels.tsx';
import { shortTime } from './scale.ts';
import { timeWords } from './times.ts';

/** The minutes that one row covers. */
const ROW: Record<ChartSpan, { minutes: number; words: string }> = {
  hour: { minutes: 2, words: 'two minutes' },
  day: { minutes: 60, words: 'an hour' },
  week: { minutes: 6 * 60, words: 'six hours' },
};

interface Row {
  at: number;
  points: readonly Point[];
}

const most = (pick: (point: Point) => number | undefined, words: (value: number) => string = String) => {
  return ({ points }: Row) => {
    const known = points.flatMap((point) => pick(point) ?? []);
    return known.length === 0 ? '–' : words(Math.max(...known));
  };
};
const sum = (pick: (point: Point) => number) => {
  return ({ points }: Row) => String(points.reduce((total, point) => total + pick(point), 0));
};

const COLUMNS: readonly { head: string; cell: (row: Row) => string }[] = [
  { head: 'Queued', cell: most(({ queued }) => queued) },
  { head: 'At work', cell: most(({ active }) => active) },
  { head: 'Lost', cell: most(({ lost }) => lost) },
  { head: 'Completed', cell: sum(({ completed }) => completed) },
  { head: 'Failed', cell: sum(({ failed }) => failed) },
  { head: 'Cancelled', cell: sum(({ cancelled }) => cancelled) },
  { head: 'Wake 50 %', cell: most(({ wakeP50Ms }) => wakeP50Ms, shortTime) },
  { head: 'Wake 95 %', cell: most(({ wakeP95Ms }) => wakeP95Ms, shortTime) },
  { head: 'Run 50 %', cell: most(({ runP50Ms }) => runP50Ms, shortTime) },
  { head: 'Run 95 %', cell: most(({ runP95Ms }) => runP95Ms, shortTime) },
];

export function ChartTable({ points, span }: { points: readonly Point[]; span: ChartSpan }) {
  const { minutes, words } = ROW[span];
  const length = minutes * 60_000;
  const groups = Map.groupBy(points, ({ at }) => Math.floor(Date.parse(at) / length) * length);
  const rows = [...groups].map(([at, own]) => ({ at, points: own })).reverse();
  return (
    <details class="chart-table" data-key="numbers">
      <summary>The numbers as a table</summary>
      <p class="quiet">
        A row is {words}, the newest first. Jobs that ended are counted; of the other numbers a row has the
        highest.
      </p>
      <section class="scroll" tabindex={0} aria-label="The numbers of the charts">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">From</th>
              {COLUMNS.map(({ head }) => (
                <th scope="col">{head}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr>
                <th scope="row">{timeWords(span, row.at)}</th>
                {COLUMNS.map(({ cell }) => (
                  <td>{cell(row)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
