/**
 * Durations as counts in buckets, so that those of many minutes can be added. Each bucket is wider than the one before
 * by the factor √2: a percentile is off by 20 % at most.
 */

/** Counts by the number of the bucket. */
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

export function addHistograms(histograms: readonly Histogram[]): Histogram {
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
