/** What charts show of a minute, a quarter of an hour or an hour of the whole service. */

export const CHART_SPANS = ['hour', 'day', 'week'] as const;
export type ChartSpan = (typeof CHART_SPANS)[number];

export interface Stats {
  /** Jobs at the end of the minute; of a longer time the most. */
  queued: number;
  /** Dispatched or running. */
  active: number;
  lost: number;
  /** Jobs that ended. */
  completed: number;
  failed: number;
  cancelled: number;
  /** The time from a job's due time to its claim. */
  wake: Histogram;
  /** The time from the start of the agent to its end. */
  run: Histogram;
  /** More jobs than the server looks at in a minute: counts and durations are of a part of them. */
  isSample?: true | undefined;
}

/** A job that was claimed in the minute, or ended in it. */
export interface MinuteJob {
  /** Ended in the minute, and how. */
  outcome: 'completed' | 'failed' | 'cancelled' | null;
  /** Claimed in the minute, so long after it was due. */
  wakeMs: number | null;
  /** Ended in the minute, so long after it was started. */
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

/** The stats of a longer time from those of its minutes. */
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

/** The percentiles that a point of a chart shows; absent where there was no job. */
export function percentilesOf({ wake, run }: Stats) {
  return {
    wakeP50Ms: percentile(wake, 0.5),
    wakeP95Ms: percentile(wake, 0.95),
    runP50Ms: percentile(run, 0.5),
    runP95Ms: percentile(run, 0.95),
  };
}

/**
 * Durations as counts by the number of their bucket, so that those of many minutes can be added. Each bucket is wider than
 * the one before by the factor √2: a percentile is off by 20 % at most.
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

/** The duration that the given part of all is not longer than; undefined: there is none. */
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
