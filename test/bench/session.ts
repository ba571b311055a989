/** How soon a job follows when a session becomes free, and how soon a turn is interrupted, with a real Codex. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelJob } from '../../spec/contract/jobs.ts';
import { send } from './client.ts';
import { CodexStage, type Place } from './codex-stage.ts';
import { percentile, rounded } from './report.ts';

export interface Spread {
  p50Ms: number;
  maxMs: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  return { p50Ms: rounded(percentile(samples, 0.5)), maxMs: rounded(Math.max(...samples)) };
}

/**
 * From the end of the program that has the session open until Codex has written the prompt of the waiting job.
 * @param how a person closes the program, or it is killed and leaves the lock file behind
 */
export async function timeFree(place: Place, how: 'closed' | 'killed', rounds: number): Promise<Spread> {
  const samples: number[] = [];
  for (let done = 0; done < rounds; done += 1) {
    const stage = await CodexStage.open(place);
    try {
      samples.push(await timeOneFree(place, stage, how));
    } finally {
      await stage.close();
    }
  }
  return spreadOf(samples);
}

async function timeOneFree(
  { bin, model }: Place,
  stage: CodexStage,
  how: 'closed' | 'killed',
): Promise<number> {
  const held = `sleep 600.${Math.floor(Math.random() * 1e6)}`;
  const words = ['exec', '--skip-git-repo-check', '--json', 'resume', stage.sessionId, '-'];
  const person = spawn(bin, words, { ...stage.workspace.orp, stdio: ['pipe', 'ignore', 'ignore'] });
  const closed = once(person, 'exit');
  person.stdin.end(`run: ${held}`);
  while (!model.requests.some(({ input }) => JSON.stringify(input.at(-1)).includes(held))) await sleep(20);
  const word = `bench-${crypto.randomUUID()}`;
  const jobId = await stage.submit(`Say ${word}.`);
  stage.startRunner('auto');
  await stage.until(
    jobId,
    ({ status, waiting }) => status === 'queued' && waiting?.code === 'session_in_use',
  );
  // The runner looks at regular times. A job may become free at any time between.
  await sleep(Math.random() * 1000);
  // The script of the package passes a signal on to the program, except this one.
  if (how === 'killed') for (const pid of childrenOf(person.pid ?? 0)) process.kill(pid, 'SIGKILL');
  else person.kill('SIGINT');
  await closed;
  const freeAt = Date.now();
  await stage.completed(jobId);
  return stage.enteredAt(word) - freeAt;
}

/** From the cancel of a person until the server has the receipt of the runner for the interrupted turn. */
export async function timeInterrupt(place: Place, rounds: number): Promise<Spread> {
  const stage = await CodexStage.open(place);
  const samples: number[] = [];
  try {
    stage.startRunner('auto');
    for (let done = 0; done < rounds; done += 1) samples.push(await timeOneInterrupt(place, stage));
  } finally {
    await stage.close();
  }
  return spreadOf(samples);
}

async function timeOneInterrupt({ model }: Place, stage: CodexStage): Promise<number> {
  const command = `sleep 700.${Math.floor(Math.random() * 1e6)}`;
  const jobId = await stage.submit(`run: ${command}`);
  while (!model.requests.some(({ input }) => JSON.stringify(input.at(-1)).includes(command))) await sleep(20);
  // The command of the turn starts.
  await sleep(500);
  const orderedAt = Date.now();
  await send(stage.account, cancelJob, { path: cancelJob.path.replace(':jobId', jobId), body: {} });
  const { cancel } = await stage.until(jobId, (job) => job.cancel?.confirmedAt !== undefined);
  return Date.parse(cancel?.confirmedAt ?? '') - orderedAt;
}

function childrenOf(parent: number): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  return pairs.filter(([, ppid]) => ppid === parent).flatMap(([pid]) => pid ?? []);
}
