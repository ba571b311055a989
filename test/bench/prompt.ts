/**
 * From the claim of a job until a real Codex has begun the turn of its prompt, through an agent server and with `codex exec`. Both are
 * measured at the same point: Codex writes the prompt into the transcript of the session.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverFolder } from '../../cli/runner/agent-server/places.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { enqueueJob, showJob } from '../../spec/contract/jobs.ts';
import { isTerminal } from '../../spec/job/status.ts';
import { findCodexes, makeCodexHome } from '../support/codex.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';
import type { BenchOptions, Report } from './bench.ts';
import { type Account, send } from './client.ts';
import { percentile, rounded } from './report.ts';

/** The number of jobs before the measured jobs. In these jobs, the server starts and files are read for the first time. */
const WARM_UP = 2;

export async function run(options: BenchOptions): Promise<Report> {
  const codex = findCodexes().at(-1);
  if (codex === undefined) throw new Error('No Codex was found: set CODEX_BIN, or run .ci/run once.');
  buildOrp();
  const hosted = await startHosted();
  const model = await startModelServer();
  try {
    const place = { hosted, model, bin: codex.bin };
    const server = await measure(place, 'auto', options);
    const exec = await measure(place, 'exec', options);
    const wonMs = rounded(exec.wholeP50Ms - server.wholeP50Ms);
    return {
      title: `Claim → turn of Codex ${codex.version}, ${options.jobs} jobs each`,
      table: [
        ['', 'claim → turn p50 ms', 'whole job p50 ms', 'resident MB'],
        ['agent server', server.claimToTurnP50Ms, server.wholeP50Ms, server.rssMb],
        ['codex exec', exec.claimToTurnP50Ms, exec.wholeP50Ms, 0],
      ],
      notes: [
        `A job through the server takes ${wonMs} ms less.`,
        'Goals: at most 60 ms from the claim to the turn, and at least 300 ms less per job than with exec, where exec takes so long.',
      ],
      json: {
        server,
        exec: { claimToTurnP50Ms: exec.claimToTurnP50Ms, wholeP50Ms: exec.wholeP50Ms },
      },
    };
  } finally {
    await hosted.close();
    await model.close();
  }
}

interface Place {
  hosted: Hosted;
  model: ModelServer;
  bin: string;
}

async function measure({ hosted, model, bin }: Place, mode: 'auto' | 'exec', { jobs, say }: BenchOptions) {
  const workspace = await makeWorkspace(hosted);
  workspace.orp.env.CODEX_HOME = makeCodexHome(join(workspace.folder, 'agent'), model.baseUrl);
  const sessionId = await createAgentSession({ bin, title: 'Codex' }, 'Hello.', workspace.orp);
  await linkSession(workspace, sessionId);
  const words = ['runner', 'work', '--agent-mode', mode, '--codex-bin', bin];
  const args = [projectPath('dist/orp.js'), ...words];
  const runner = spawn(process.execPath, args, { ...workspace.orp, stdio: 'ignore' });
  const account = { baseUrl: hosted.url, token: await hosted.signIn(workspace.user) };
  const samples: { toTurnMs: number; wholeMs: number }[] = [];
  try {
    for (let done = -WARM_UP; done < jobs; done += 1) {
      const sample = await timeOne(workspace, account);
      if (done >= 0) samples.push(sample);
      say(`${mode}: ${Math.max(0, done + 1)} of ${jobs}`);
    }
    return {
      claimToTurnP50Ms: rounded(
        percentile(
          samples.map(({ toTurnMs }) => toTurnMs),
          0.5,
        ),
      ),
      wholeP50Ms: rounded(
        percentile(
          samples.map(({ wholeMs }) => wholeMs),
          0.5,
        ),
      ),
      rssMb: mode === 'auto' ? serverRssMb(workspace) : 0,
    };
  } finally {
    await ended(runner);
    workspace.remove();
  }
}

async function timeOne({ orp }: Workspace, account: Account): Promise<{ toTurnMs: number; wholeMs: number }> {
  const word = `bench-${crypto.randomUUID()}`;
  const { job } = await send(account, enqueueJob, { body: { prompt: `Say ${word}.` } });
  const shown = await ending(account, job.id);
  if (shown.status !== 'completed') throw new Error(`the job is ${shown.status}: ${shown.error}`);
  const claimedAt = Date.parse(shown.claimedAt ?? '');
  return {
    toTurnMs: enteredAt(join(orp.env.CODEX_HOME ?? '', 'sessions'), word) - claimedAt,
    wholeMs: Date.parse(shown.finishedAt ?? '') - claimedAt,
  };
}

/** The pause between two checks. It is long, so that the checks do not slow down the measured job. */
const ASK_EVERY_MS = 250;

/** Settles when the job has ended. */
async function ending(account: Account, jobId: string) {
  for (;;) {
    await sleep(ASK_EVERY_MS);
    const { job } = await send(account, showJob, { path: showJob.path.replace(':jobId', jobId) });
    if (isTerminal(job.status)) return job;
  }
}

/** Returns when the prompt was written into the transcript, in epoch ms. */
function enteredAt(folder: string, word: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.jsonl'),
  );
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  const line = lines.find((text) => text.includes(word)) ?? '{}';
  return Date.parse((JSON.parse(line) as { timestamp?: string }).timestamp ?? '');
}

/** Returns the memory of the agent server and its child processes, in MB. */
function serverRssMb({ orp }: Workspace): number {
  const record = readFileSync(join(serverFolder(orp.env), 'server.json'), 'utf8');
  const { pid } = JSON.parse(record) as { pid: number };
  const rows = execFileSync('ps', ['-A', '-o', 'pgid=,rss='], { encoding: 'utf8' }).trim().split('\n');
  const own = rows.map((row) => row.trim().split(/\s+/)).filter(([group]) => Number(group) === pid);
  return Math.round(own.reduce((sum, [, rss]) => sum + Number(rss), 0) / 1024);
}

async function ended(runner: ChildProcess): Promise<void> {
  const gone = once(runner, 'close');
  runner.kill('SIGTERM');
  await gone;
}
