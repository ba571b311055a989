/** Prints the progress, and measures the times for the summary. */

export interface Took {
  title: string;
  seconds: number;
}

export class Progress {
  readonly #took: Took[] = [];
  readonly #signal: AbortSignal;

  /** After `signal`, no step begins and no step is reported as done. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Prints the title of a step, runs it, and prints its duration and result. */
  async step<Result>(
    title: string,
    work: () => Promise<Result> | Result,
    told?: (result: Result) => string,
  ): Promise<Result> {
    this.#signal.throwIfAborted();
    const startedAt = performance.now();
    const number = String(this.#took.length + 1).padStart(2);
    process.stdout.write(`${number}. ${title} … `);
    const result = await work();
    this.#signal.throwIfAborted();
    const seconds = (performance.now() - startedAt) / 1000;
    this.#took.push({ title, seconds });
    console.log(`${seconds.toFixed(1)} s`);
    if (told) console.log(`    ${told(result)}`);
    return result;
  }

  get took(): readonly Took[] {
    return this.#took;
  }
}

/** Formats rows as a table. The first row is the heading. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [heading, ...body] = rows.map(line);
  return [heading, widths.map((width) => '-'.repeat(width)).join('  '), ...body].join('\n');
}
