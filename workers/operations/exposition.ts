/** Writes metrics in the text format of OpenMetrics 1.0. */

export interface Sample {
  labels?: Readonly<Record<string, string>>;
  value: number;
}

export interface Metric {
  name: string;
  type: 'gauge' | 'info' | 'gaugehistogram';
  help: string;
  /** The last word of the name, if the metric has a unit. */
  unit?: string;
  samples?: readonly Sample[];
  /** Only for a `gaugehistogram`. */
  histogram?: { buckets: readonly { le: number; count: number }[]; count: number; sum: number };
}

/** The longest label that is written. Some labels are texts of clients. */
const LABEL_LENGTH = 100;

export function expose(metrics: readonly Metric[]): string {
  return `${metrics.flatMap(linesOf).join('\n')}\n# EOF\n`;
}

function linesOf({ name, type, help, unit, samples = [], histogram }: Metric): string[] {
  const about = [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
  ];
  if (histogram === undefined) {
    const suffix = type === 'info' ? '_info' : '';
    return [
      ...about,
      ...samples.map(({ labels, value }) => `${name}${suffix}${labelsText(labels)} ${value}`),
    ];
  }
  const { buckets, count, sum } = histogram;
  return [
    ...about,
    ...buckets.map(({ le, count: below }) => `${name}_bucket{le="${floatText(le)}"} ${below}`),
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_gcount ${count}`,
    `${name}_gsum ${sum}`,
  ];
}

/** Bounds are floats in OpenMetrics: `1.0`, not `1`. */
function floatText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function labelsText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value.slice(0, LABEL_LENGTH))}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
