/** Output in the form of v0.4.4: lines without numbers (contract/hosted-api.md §8.6). */

import type { ChunkRecord } from '../spool/records.ts';

/** One line, as a v0.4.4 server takes it. */
export interface LogLine {
  level: 'info' | 'error';
  line: string;
}

/**
 * The lines of these chunks, in the order in which they were printed; blank lines are left out. A line that two chunks share
 * is put together; one that goes on behind the last chunk becomes two.
 */
export function linesOf(chunks: readonly ChunkRecord[]): LogLine[] {
  const lines: LogLine[] = [];
  let open: LogLine | undefined;
  for (const { stream, level, text } of chunks) {
    const wire = stream === 'stderr' || level === 'error' ? 'error' : 'info';
    const [first = '', ...others] = text.split('\n');
    if (open?.level === wire) open.line += first;
    else {
      open = { level: wire, line: first };
      lines.push(open);
    }
    for (const line of others) {
      open = { level: wire, line };
      lines.push(open);
    }
    if (open.line === '') open = undefined;
  }
  return lines.map(({ level, line }) => ({ level, line: line.trimEnd() })).filter(({ line }) => line !== '');
}
