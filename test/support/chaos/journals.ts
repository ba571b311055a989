/** Reads the journals of the agents. The test compares all other data with them. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One process or turn that got a prompt. */
export interface Run {
  run: string;
  /** The key of the job. */
  key: string;
  session: string;
  startedAt: number;
  /** The key of another run that was active in the same session. */
  overlaps: string | undefined;
  pieces: { command: string; text: string }[];
  answer: string | undefined;
  /** True if the run exited by itself. */
  hasEnded: boolean;
  /** Epoch ms. */
  endedAt: number | undefined;
}

type Line =
  | { record: 'start'; run: string; key: string; session: string; at: number; overlaps?: string }
  | { record: 'piece'; command: string; text: string }
  | { record: 'answer'; text: string }
  | { record: 'end'; at: number };

export function readRuns(folder: string): Run[] {
  return readdirSync(folder)
    .flatMap((name) => readRun(readFileSync(join(folder, name), 'utf8')))
    .sort((a, b) => a.startedAt - b.startedAt);
}

function readRun(text: string): Run[] {
  // A run that was killed during a write leaves an incomplete line.
  const lines = text.split('\n').slice(0, -1);
  const [start, ...rest] = lines.map((line) => JSON.parse(line) as Line);
  if (start?.record !== 'start') return [];
  const { run, key, session, at: startedAt, overlaps } = start;
  return [
    {
      run,
      key,
      session,
      startedAt,
      overlaps,
      pieces: rest.filter((line) => line.record === 'piece'),
      answer: rest.find((line) => line.record === 'answer')?.text,
      hasEnded: rest.some((line) => line.record === 'end'),
      endedAt: rest.find((line) => line.record === 'end')?.at,
    },
  ];
}
