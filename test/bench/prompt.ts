/**
 * From the claim of a job until a real Codex has begun the turn of its prompt, through an agent server and with `codex exec`. Both are
 * measured at the same point: Codex writes the prompt into the transcript of the session. Both use the same command line, and the
 * same configuration. The session is measured when it is new, and when it has many turns.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverFolder } from '../../cli/runner/agent-server/places.ts';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { findCodexes } from '../support/codex.ts';
import { startHosted } from '../support/hosted.ts';
import { startModelServer } from '../support/model-server.ts';
import type { Workspace } from '../support/workspace.ts';
import type { BenchOptions, Report } from './bench.ts';
import { CodexStage, type Place } from './codex-stage.ts';
import { percentile, rounded } from './report.ts';
import { timeFree, timeInterrupt } from './session.ts';

/** The number of jobs before the measured jobs. In these jobs, the server starts and files are read for the first time. */
const WARM_UP = 2;
const LONG_TURNS = 200;
/** After this pause, the server has closed the session, and must open it again. */
const UNLOADED_MS = 4000;
/** The number of times that a session becomes free. Each needs a new runner. */
const MOST_ROUNDS = 6;

export async function run(options: BenchOptions): Promise<Report> {
  const codex = findCodexes().at(-1);
  if (codex === undefined) throw new Error('No Codex was found: set CODEX_BIN, or run .ci/run once.');
  buildOrp();
  const hosted = await startHosted();
  const model = await startModelServer();
  const { jobs, say } = options;
  try {
    const place = { hosted, model, bin: codex.bin };
    const fresh = await compare(place, 0, options);
    const long = await compare(place, LONG_TURNS, options);
    const rounds = Math.min(jobs, MOST_ROUNDS);
    say(`busy: ${rounds} sessions each that are closed and killed`);
    const closed = await timeFree(place, 'closed', rounds);
    const killed = await timeFree(place, 'killed', rounds);
    say(`interrupt: ${jobs} turns`);
    const interrupt = await timeInterrupt(place, jobs);
    return {
      title: `Claim → turn of Codex ${codex.version}, ${jobs} jobs each`,
      table: [
        ['', 'claim → turn p50 ms', 'whole job p50 ms', 'resident MB'],
        ...rowsOf('new session', fresh),
        ...rowsOf(`${long.turns} turns, ${rounded(long.transcriptMb)} MB`, long),
      ],
      notes: [
        `Claim → turn when the server has closed the session since the last job: p50 ${fresh.server.reopenedP50Ms} ms, and ${long.server.reopenedP50Ms} ms in the long one.`,
        `A job through the server takes ${fresh.savedP50Ms} ms less than with exec in a new session, and ${long.savedP50Ms} ms less in the long one.`,
        `Session closed → prompt entered: p50 ${closed.p50Ms} ms, at most ${closed.maxMs} ms; holder killed: p50 ${killed.p50Ms} ms, at most ${killed.maxMs} ms.`,
        `Cancel ordered → interrupt confirmed: p50 ${interrupt.p50Ms} ms, at most ${interrupt.maxMs} ms.`,
        'Goals: at most 60 ms from the claim to the turn; at least 300 ms less per job than with exec; at most 2000 ms after the session is closed; less than 1000 ms until an interrupt is confirmed.',
        ...[fresh, long].flatMap((compared) => limitOf(compared)),
      ],
      json: {
        server: fresh.server,
        exec: fresh.exec,
        savedP50Ms: fresh.savedP50Ms,
        long,
        busy: {
          freeToTurnP50Ms: closed.p50Ms,
          freeToTurnMaxMs: closed.maxMs,
          killedToTurnP50Ms: killed.p50Ms,
          killedToTurnMaxMs: killed.maxMs,
        },
        interrupt,
      },
    };
  } finally {
    await hosted.close();
    await model.close();
  }
}

/** The saving cannot be larger than what exec takes. */
function limitOf({ exec: { wholeP50Ms }, turns }: Compared): string[] {
  if (wholeP50Ms >= LEAST_SAVED_MS) return [];
  const where = turns === 0 ? 'a new session' : `a session of ${turns} turns`;
  return [`In ${where}, a whole job with exec takes ${wholeP50Ms} ms, so it cannot take 300 ms less.`];
}

const LEAST_SAVED_MS = 300;

type Compared = Awaited<ReturnType<typeof compare>>;

function rowsOf(name: string, { server, exec }: Compared): (string | number)[][] {
  return [
    [`agent server, ${name}`, server.claimToTurnP50Ms, server.wholeP50Ms, server.rssMb],
    [`codex exec, ${name}`, exec.claimToTurnP50Ms, exec.wholeP50Ms, 0],
  ];
}

async function compare(place: Place, turns: number, options: BenchOptions) {
  const { transcriptMb, ...server } = await measure(place, { mode: 'auto', turns }, options);
  const exec = await measure(place, { mode: 'exec', turns }, options);
  return {
    turns,
    transcriptMb,
    server,
    exec: { claimToTurnP50Ms: exec.claimToTurnP50Ms, wholeP50Ms: exec.wholeP50Ms },
    savedP50Ms: rounded(exec.wholeP50Ms - server.wholeP50Ms),
  };
}

async function measure(
  place: Place,
  { mode, turns }: { mode: 'auto' | 'exec'; turns: number },
  { jobs, say }: BenchOptions,
) {
  const stage = await CodexStage.open(place);
  const samples: { toTurnMs: number; wholeMs: number }[] = [];
  try {
    const bytes = await stage.lengthen(turns);
    stage.startRunner(mode);
    for (let done = -WARM_UP; done < jobs; done += 1) {
      const sample = await timeOne(stage);
      if (done >= 0) samples.push(sample);
      say(`${mode}, ${turns} turns: ${Math.max(0, done + 1)} of ${jobs}`);
    }
    const reopened: number[] = [];
    for (let done = 0; mode === 'auto' && done < Math.min(jobs, MOST_ROUNDS); done += 1) {
      await sleep(UNLOADED_MS);
      reopened.push((await timeOne(stage)).toTurnMs);
    }
    const p50 = (values: number[]) => rounded(percentile(values, 0.5));
    return {
      claimToTurnP50Ms: p50(samples.map(({ toTurnMs }) => toTurnMs)),
      reopenedP50Ms: p50(reopened),
      wholeP50Ms: p50(samples.map(({ wholeMs }) => wholeMs)),
      rssMb: mode === 'auto' ? serverRssMb(stage.workspace) : 0,
      transcriptMb: rounded(bytes / 1e6, 2),
    };
  } finally {
    await stage.close();
  }
}

async function timeOne(stage: CodexStage): Promise<{ toTurnMs: number; wholeMs: number }> {
  const word = `bench-${crypto.randomUUID()}`;
  const shown = await stage.completed(await stage.submit(`Say ${word}.`));
  const claimedAt = Date.parse(shown.claimedAt ?? '');
  return {
    toTurnMs: stage.enteredAt(word) - claimedAt,
    wholeMs: Date.parse(shown.finishedAt ?? '') - claimedAt,
  };
}

/** Returns the memory of the agent server and its child processes, in MB. */
function serverRssMb({ orp }: Workspace): number {
  const record = readFileSync(join(serverFolder(orp.env), 'server.json'), 'utf8');
  const { pid } = JSON.parse(record) as { pid: number };
  const rows = execFileSync('ps', ['-A', '-o', 'pgid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const own = rows.map((row) => row.trim().split(/\s+/)).filter(([group]) => Number(group) === pid);
  return Math.round(own.reduce((sum, [, rss]) => sum + Number(rss), 0) / 1024);
}
