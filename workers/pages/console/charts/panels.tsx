/** The four charts. Each has the series that it draws, and a sentence. */

import type { readCharts } from '../../../overview/charts.ts';
import { counted } from '../../design/words.ts';
import { Chart } from './chart.tsx';
import { type Span, shortTime, topOf, topTimeOf } from './scale.ts';

export type Point = Awaited<ReturnType<typeof readCharts>>['points'][number];

interface Props {
  /** The points, oldest first. There is at least one point. */
  points: readonly Point[];
  span: Span;
  times: readonly string[];
}

const valuesOf = (points: readonly Point[], pick: (point: Point) => number | undefined) =>
  points.map((point) => ({ at: Date.parse(point.at), value: pick(point) }));
const most = (points: readonly Point[], pick: (point: Point) => number | undefined) =>
  Math.max(0, ...points.map((point) => pick(point) ?? 0));
const total = (points: readonly Point[], pick: (point: Point) => number) =>
  points.reduce((sum, point) => sum + pick(point), 0);

export function QueueDepth({ points, ...around }: Props) {
  const last = points.at(-1);
  const sentence = `Now ${last?.queued ?? 0} queued, ${last?.active ?? 0} running, ${last?.lost ?? 0} lost. Longest queue: ${most(points, ({ queued }) => queued)}.`;
  return (
    <Chart
      id="queue"
      title="Queue depth"
      sentence={sentence}
      kind="lines"
      series={[
        { label: 'Queued', look: 'accent', hasArea: true, values: valuesOf(points, ({ queued }) => queued) },
        { label: 'Running', look: 'good', isDashed: true, values: valuesOf(points, ({ active }) => active) },
        { label: 'Lost', look: 'warn', values: valuesOf(points, ({ lost }) => lost) },
      ]}
      top={topOf(points.flatMap(({ queued, active, lost }) => [queued, active, lost]))}
      words={(value) => value.toLocaleString('en')}
      {...around}
    />
  );
}

export function Outcomes({ points, ...around }: Props) {
  const [completed, failed, cancelled] = [
    total(points, (point) => point.completed),
    total(points, (point) => point.failed),
    total(points, (point) => point.cancelled),
  ];
  return (
    <Chart
      id="outcomes"
      title="Outcomes"
      sentence={`${counted(completed, 'job')} completed, ${failed.toLocaleString('en')} failed and ${cancelled.toLocaleString('en')} cancelled.`}
      kind="bars"
      series={[
        { label: 'Completed', look: 'good', values: valuesOf(points, (point) => point.completed) },
        { label: 'Failed', look: 'bad', values: valuesOf(points, (point) => point.failed) },
        { label: 'Cancelled', look: 'calm', values: valuesOf(points, (point) => point.cancelled) },
      ]}
      top={topOf(points.map((point) => point.completed + point.failed + point.cancelled))}
      words={(value) => value.toLocaleString('en')}
      {...around}
    />
  );
}

const DURATIONS = {
  wake: {
    title: 'Wake latency',
    about: 'From the time a job is due until a machine claims it.',
    half: (point: Point) => point.wakeP50Ms,
    most: (point: Point) => point.wakeP95Ms,
    none: 'No job was claimed in this time.',
  },
  run: {
    title: 'Run time',
    about: 'From the start of the agent to its end.',
    half: (point: Point) => point.runP50Ms,
    most: (point: Point) => point.runP95Ms,
    none: 'No agent ended in this time.',
  },
} as const;

export function Durations({ points, what, ...around }: Props & { what: keyof typeof DURATIONS }) {
  const { title, about, half, most: nearly, none } = DURATIONS[what];
  const last = points.findLast((point) => half(point) !== undefined);
  const sentence =
    last === undefined
      ? none
      : `${about} Now the median is ${shortTime(half(last) ?? 0)}, and 95 % take at most ${shortTime(nearly(last) ?? 0)} (at worst ${shortTime(most(points, nearly))}).`;
  return (
    <Chart
      id={what}
      title={title}
      sentence={sentence}
      kind="lines"
      series={[
        { label: 'Median', look: 'accent', values: valuesOf(points, half) },
        { label: '95 % take at most', look: 'warn', isDashed: true, values: valuesOf(points, nearly) },
      ]}
      top={topTimeOf(points.flatMap((point) => [half(point), nearly(point)]))}
      words={shortTime}
      {...around}
    />
  );
}
