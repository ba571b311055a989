/** The stats of the service for a minute, a quarter of an hour or an hour. The charts show them. */

export const CHART_SPANS = ['hour', 'day', 'week'] as const;
export type ChartSpan = (typeof CHART_SPANS)[number];

export interface Stats {
  /** The number of queued jobs at the end of the minute. For a longer time, the highest number of its minutes. */
  queued: number;
  /** The number of dispatched and running jobs, counted in the same way. */
  active: number;
  lost: number;
  /** The numbers of jobs that ended. */
  completed: number;
  failed: number;
  cancelled: number;
  /** The time from a job's due time to its claim. */
  wake: Histogram;
  /** The time from the start of the agent to its end. */
  run: Histogram;
  /** True if there were more jobs than the server reads in a minute. Then counts and durations cover only a part of them. */
  isSample?: true | undefined;
}

/** A job that was claimed, or ended, in the minute that the statistics cover. */
export interface MinuteJob {
  /** How the job ended, or null if it did not end in that minute. */
  outcome: 'completed' | 'failed' | 'cancelled' | null;
  /** How long the job waited between its due time and its claim, or null if it was not claimed in that minute. */
  wakeMs: number | null;
  /** How long the job ran from its start to its end, or null if it did not end in that minute. */
  runMs: number | null;
}

export function statsOf(
  jobs: readonly MinuteJob[],
  depth: Pick<Stats, 'queued' | 'active' | 'lost'>,
  isSample: boolean,
): Stats {
  const ended = (outcome: MinuteJob['outcome']) => jobs.filter((job) => job.outcome === outcome).length;
  return {
    ...depth,
    completed: ended('completed'),
    failed: ended('failed'),
    cancelled: ended('cancelled'),
    wake: histogramOf(jobs.flatMap(({ wakeMs }) => wakeMs ?? [])),
    run: histogramOf(jobs.flatMap(({ runMs }) => runMs ?? [])),
    ...(isSample ? { isSample } : {}),
  };
}

/** Combines the stats of minutes into the stats of a longer time. */
export function addStats(parts: readonly Stats[]): Stats {
  const most = (field: 'queued' | 'active' | 'lost') => Math.max(0, ...parts.map((part) => part[field]));
  const sum = (field: 'completed' | 'failed' | 'cancelled') =>
    parts.reduce((total, part) => total + part[field], 0);
  return {
    queued: most('queued'),
    active: most('active'),
    lost: most('lost'),
    completed: sum('completed'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    wake: addHistograms(parts.map(({ wake }) => wake)),
    run: addHistograms(parts.map(({ run }) => run)),
    ...(parts.some(({ isSample }) => isSample) ? { isSample: true } : {}),
  };
}

/** Returns the percentiles that a point of a chart shows. They are absent if there was no job. */
export function percentilesOf({ wake, run }: Stats) {
  return {
    wakeP50Ms: percentile(wake, 0.5),
    wakeP95Ms: percentile(wake, 0.95),
    runP50Ms: percentile(run, 0.5),
    runP95Ms: percentile(run, 0.95),
  };
}

/**
 * Durations, counted in buckets, so that the counts of many minutes can be added. The key is the number of the bucket. Each
 * bucket is √2 times as wide as the bucket before it, so the error of a percentile is at most 20 %.
 */
export type Histogram = Readonly<Record<string, number>>;

const BUCKETS_PER_DOUBLING = 2;

function bucketOf(ms: number): number {
  return Math.floor(Math.log2(Math.max(0, ms) + 1) * BUCKETS_PER_DOUBLING);
}

/** The middle of a bucket, in ms. */
function middleOf(bucket: number): number {
  return Math.round(2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING) - 1);
}

export function histogramOf(durationsMs: readonly number[]): Histogram {
  return addHistograms(durationsMs.map((ms) => ({ [bucketOf(ms)]: 1 })));
}

function addHistograms(histograms: readonly Histogram[]): Histogram {
  const sum: Record<string, number> = {};
  for (const histogram of histograms)
    for (const [bucket, count] of Object.entries(histogram)) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sum;
}

export interface CumulativeHistogram {
  /** `count` is the number of durations of less than `belowMs`. */
  buckets: { belowMs: number; count: number }[];
  count: number;
  /** The sum of the durations, with a precision of 20 %. */
  sumMs: number;
}

/** The bounds of a cumulative histogram lie between 63 ms and about 70 minutes. */
const FIRST_DOUBLING = 6;
const LAST_DOUBLING = 22;

/** Returns the histogram in the form that monitoring systems use. Each bound is twice as high as the one before. */
export function cumulative(histogram: Histogram): CumulativeHistogram {
  const entries = Object.entries(histogram).map(([bucket, count]) => ({ bucket: Number(bucket), count }));
  const sum = (value: (entry: { bucket: number; count: number }) => number) =>
    entries.reduce((total, entry) => total + value(entry), 0);
  const buckets = Array.from({ length: LAST_DOUBLING - FIRST_DOUBLING + 1 }, (_, step) => {
    const doubling = FIRST_DOUBLING + step;
    const isBelow = (bucket: number) => bucket < doubling * BUCKETS_PER_DOUBLING;
    return { belowMs: 2 ** doubling - 1, count: sum((entry) => (isBelow(entry.bucket) ? entry.count : 0)) };
  });
  return {
    buckets,
    count: sum(({ count }) => count),
    sumMs: sum(({ bucket, count }) => count * middleOf(bucket)),
  };
}

/** Returns a percentile of the durations (`part` 0.5: the median), or undefined if there are no durations. */
export function percentile(histogram: Histogram, part: number): number | undefined {
  const buckets = Object.entries(histogram)
    .map(([bucket, count]) => ({ bucket: Number(bucket), count }))
    .toSorted((one, other) => one.bucket - other.bucket);
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { bucket, count } of buckets) {
    seen += count;
    if (seen >= total * part) return middleOf(bucket);
  }
  return undefined;
}
