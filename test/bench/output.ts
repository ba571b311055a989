/**
 * A real agent prints a gigabyte, which a real runner sends to the real server. Measures the memory of the runner, the
 * output on the disk and on the server, and the speed.
 */

import { readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { startHosted } from '../support/hosted.ts';
import type { BenchOptions, Report } from './bench.ts';
import { RealRunner } from './real-runner.ts';
import { rounded } from './report.ts';

const MIB = 1024 * 1024;
const LOOK_EVERY_MS = 250;

/** In this benchmark, `--jobs` is the size in MiB. One job prints all of it. */
export async function run({ jobs: size, say }: BenchOptions): Promise<Report> {
  buildOrp();
  const hosted = await startHosted();
  const runner = await RealRunner.start(hosted, 'codex-output');
  try {
    const jobId = await runner.submit({ flood: size * MIB, say: 'Printed.' });
    const watched = await watch(runner, jobId, say);
    const json = { mib: size, ...watched, mibPerSecond: rounded(size / watched.seconds) };
    return {
      title: `One job that prints ${size} MiB`,
      table: [['what', 'value'], ...Object.entries(json)],
      notes: [
        'Goal: memory that does not grow with the size, below 300 MB; 16 MiB of output are kept, with a mark behind them.',
      ],
      json,
    };
  } finally {
    await runner.close();
    await hosted.close();
  }
}

interface Watched {
  seconds: number;
  peakRssMb: number;
  peakSpoolMb: number;
  status: string;
}

async function watch(runner: RealRunner, jobId: string, say: (message: string) => void): Promise<Watched> {
  const startedAt = performance.now();
  let peakRssMb = 0;
  let peakSpoolMb = 0;
  for (;;) {
    const { job } = await runner.show(jobId);
    peakRssMb = Math.max(peakRssMb, rssMb(runner.pid));
    peakSpoolMb = Math.max(peakSpoolMb, (await bytesIn(join(runner.folder, 'state'))) / 1e6);
    say(`${job.status}, ${rounded(peakRssMb)} MB`);
    if (!['queued', 'dispatched', 'running'].includes(job.status)) {
      const seconds = rounded((performance.now() - startedAt) / 1000);
      return {
        seconds,
        peakRssMb: rounded(peakRssMb),
        peakSpoolMb: rounded(peakSpoolMb),
        status: job.status,
      };
    }
    await new Promise((later) => setTimeout(later, LOOK_EVERY_MS));
  }
}

/** Returns the maximum resident memory of a process. */
function rssMb(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kib ?? 0) * 1024) / 1e6;
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
