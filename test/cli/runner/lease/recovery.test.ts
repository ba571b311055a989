/** What lies in the spool is resolved folder by folder: a broken one, or a full disk, costs nobody else anything. */

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Recovered,
  type RecoveryOptions,
  recoverSpools,
} from '../../../../cli/runner/lease/recovery.ts';
import { SpoolRecovery } from '../../../../cli/runner/loop/spool-recovery.ts';
import { findProcess, TAG_NAME } from '../../../../cli/runner/process/process-table.ts';
import { LeaseSpool, readResult } from '../../../../cli/runner/spool/lease-spool.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { FakePs } from '../process/fake-ps.ts';
import { runnerContext } from '../runner-context.ts';
import { type LeftJob, leaseFolder, leaveJob, T0 } from './left-job.ts';

/** No file beside it can have a longer name, so whatever begins with a temporary file fails. */
const LONGEST_NAME = 'r'.repeat(255);

let service: FakeService;
let machine: LinkedMachine;
let warnings: string[];

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  warnings = [];
});

afterEach(async () => {
  await service.close();
  machine.remove();
});

function folderOf(leaseId: string): string {
  return leaseFolder(machine, leaseId);
}

function leftJob(number: number, how: LeftJob): Promise<FakeJob> {
  return leaveJob({ service, machine }, number, how);
}

/** Nobody can open the transcript any more. */
function breakChunks(leaseId: string): void {
  rmSync(join(folderOf(leaseId), 'chunks.jsonl'));
  mkdirSync(join(folderOf(leaseId), 'chunks.jsonl'));
}

function recover(
  onRecovered: (recovered: Recovered) => Promise<void> = async () => undefined,
  adopt: RecoveryOptions['adopt'] = async () => 'no',
) {
  const context = runnerContext(
    { machine, baseUrl: service.baseUrl, startTime: 'second' },
    { warn: (text) => warnings.push(text) },
  );
  const signal = new AbortController().signal;
  return recoverSpools(context, { isBusy: () => false, signal, onRecovered, adopt });
}

/** Files of the spool that this process holds open. */
async function openSpoolFiles(): Promise<string[]> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(machine.home));
}

it('a spool that the server cannot accept now does not delay other spools', async () => {
  for (const number of [1, 2, 3]) await leftJob(number, { isDone: true });
  service.order('complete', 'unavailable');
  expect(await recover()).toBe(1);
  expect([...service.jobs.values()].filter((job) => job.status === 'completed')).toHaveLength(2);
  expect(await recover()).toBe(0);
});

describe('a spool that cannot be opened', () => {
  it.each([
    ['with a result', true],
    ['without one', false],
  ])('holds up no other, and waits with a warning (%s)', async (_, isDone) => {
    const broken = await leftJob(1, { isDone });
    const good = await leftJob(2, { isDone: true });
    breakChunks('lea_1');

    expect(await recover()).toBe(1);
    expect(good.completions).toEqual([expect.objectContaining({ success: true, content: 'Done.' })]);
    expect(broken.completions).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/lea_1.*EISDIR/)]);
  });

  it.skipIf(process.platform !== 'linux')('leaves no file open', async () => {
    await leftJob(1, { isDone: true });
    breakChunks('lea_1');
    await recover();

    expect(await openSpoolFiles()).toEqual([]);
  });

  it('does not prevent other work, whether the error occurs once or for a long time', async () => {
    // The service counts its leases from 1: the number of the broken one must not be one of these.
    await leftJob(90, { isDone: false });
    breakChunks('lea_90');
    const words = ['runner', 'work', '--transport', 'poll', '--codex-bin', RECIPE_AGENT];
    const at = { cwd: machine.repo, env: machine.env };
    const first = service.addJob('job_3', { say: 'once' });
    const { code } = await runOrp([...words, '--once'], at);
    const second = service.addJob('job_4', { say: 'for long' });
    const runner = startOrp(words, at);
    await until(() => second.status === 'completed');
    runner.child.kill('SIGTERM');

    expect([code, first.status]).toEqual([0, 'completed']);
    expect((await runner.ended).code).toBe(0);
  });
});

describe('while the process list cannot be read', () => {
  it('does not touch a job of another runner', async () => {
    using ps = new FakePs(machine.home);
    const parent = await findProcess(process.ppid);
    const job = await leftJob(1, {
      isDone: true,
      runner: { pid: process.ppid, start_time: parent?.startTime ?? '' },
    });
    ps.become('failing');

    expect(await recover()).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(
        /lea_1 could not be processed, so its files stay on the disk: Could not list running processes/,
      ),
    ]);
    ps.become('true');
    expect(await recover()).toBe(0);
    expect(job.completions).toEqual([]);
    expect(existsSync(folderOf('lea_1'))).toBe(true);
  });

  it('does not report how an agent ended', async () => {
    using ps = new FakePs(machine.home);
    const job = await leftJob(1, { isDone: false });
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    await spool.note({ record: 'spawning', at_utc: T0, tag: 'tag-of-nobody' });
    await spool.close();
    ps.become('failing');

    expect(await recover()).toBe(1);
    expect(job.completions).toEqual([]);
    ps.become('true');
    expect(await recover()).toBe(0);
    expect(job.completions).toEqual([expect.objectContaining({ success: false })]);
  });
});

describe('an answer that the agent left', () => {
  it("is cut to the server's limit with a mark, and stays complete on the machine", async () => {
    const job = await leftJob(1, { isDone: false });
    const answer = 'long '.repeat(300_000);
    const path = join(folderOf('lea_1'), 'answer.txt');
    writeFileSync(path, answer);
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    await spool.note({ record: 'spawning', at_utc: T0, tag: 'tag-of-nobody', answer_path: path });
    await spool.note({ record: 'ended', at_utc: T0, exit_code: 0, was_stopped: false });
    await spool.close();
    await recover();

    const content = String(job.completions[0]?.content);
    expect(content.length).toBeLessThanOrEqual(1024 * 1024);
    const [, place = ''] = /the whole answer is on the machine in (\S+)\]$/.exec(content) ?? [];
    expect(readFileSync(place, 'utf8')).toBe(answer);
  });
});

describe('an agent that works for another server', () => {
  it('is stopped, and its result waits for a runner that is signed in there', async () => {
    const job = await leftJob(1, { isDone: false, baseUrl: 'https://elsewhere.example' });
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    const tag = randomUUID();
    await spool.note({ record: 'spawning', at_utc: T0, tag });
    await spool.close();
    const env = { ...process.env, [TAG_NAME]: tag };
    const agent = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { env, stdio: 'ignore' });
    const ended = once(agent, 'exit');
    await once(agent, 'spawn');
    const left = await recover();
    agent.kill('SIGKILL');

    expect(left).toBe(0);
    expect(await ended).toEqual([null, 'SIGINT']);
    expect(await readResult(folderOf('lea_1'))).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('was stopped (1 ended by SIGINT)'),
    });
    expect(job.completions).toEqual([]);
    expect(service.requests).toEqual([]);
  });
});

describe('a prompt in an agent server, for a job of another server', () => {
  it('waits for a runner that is signed in there, and sends nothing to this server', async () => {
    await leftJob(1, { isDone: false, baseUrl: 'https://elsewhere.example' });
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    const entry = { session_id: 's', marker: 'orp:job_1:lea_1', cwd: '/' };
    await spool.note({ record: 'entering', at_utc: T0, ...entry });
    await spool.close();
    const adopted: string[] = [];
    const adopt = async (_: unknown, { folder }: { folder: string }) => {
      adopted.push(folder);
      return 'adopted' as const;
    };

    expect(await recover(undefined, adopt)).toBe(0);
    expect(adopted).toEqual([]);
    expect(await readResult(folderOf('lea_1'))).toBeUndefined();
    expect(service.requests).toEqual([]);
  });
});

it('a turn that may still run in another program is not judged; the next round looks again', async () => {
  await leftJob(1, { isDone: false });
  expect(await recover(undefined, async () => 'later')).toBe(1);
  expect(await readResult(folderOf('lea_1'))).toBeUndefined();
  expect(service.requests).toEqual([]);
});

describe('the recovery of the spool', () => {
  it('runs another round if a job leaves a spool during the last round', async () => {
    const jobs = [await leftJob(1, { isDone: true }), await leftJob(2, { isDone: true })];
    let isAtWork = true;
    const recovery: SpoolRecovery = new SpoolRecovery(
      runnerContext({ machine, baseUrl: service.baseUrl, startTime: 'second' }),
      {
        isBusy(folder) {
          if (folder.endsWith('lea_1')) return isAtWork;
          isAtWork = false;
          recovery.runInBackground();
          return false;
        },
        ending: new AbortController().signal,
        pause: async () => undefined,
      },
    );
    recovery.runInBackground();
    await recovery.settled();

    expect(jobs.map(({ completions }) => completions.length)).toEqual([1, 1]);
  });
});

describe('a local record that cannot be written', () => {
  it('costs no other job anything', async () => {
    const jobs = [await leftJob(1, { isDone: true }), await leftJob(2, { isDone: true })];
    await recover(async ({ held }) => {
      if (held.jobId === 'job_1') throw new Error('ENOSPC: no space left on device');
    });

    expect(jobs.map((job) => job.completions.length)).toEqual([1, 1]);
    expect(warnings).toEqual([expect.stringMatching(/ENOSPC/)]);
  });
});

describe('on a full disk', () => {
  it('delivers a result that is already on the disk', async () => {
    const job = await leftJob(1, { isDone: true });
    const result = join(folderOf('lea_1'), 'result.json');
    renameSync(result, join(folderOf('lea_1'), LONGEST_NAME));
    symlinkSync(LONGEST_NAME, result);

    expect(await recover()).toBe(0);
    expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'Done.' })]);
    expect(existsSync(folderOf('lea_1'))).toBe(false);
  });

  it('reports a result even if it cannot be written to the disk', async () => {
    const job = await leftJob(1, { isDone: false });
    mkdirSync(join(folderOf('lea_1'), 'result.json'));

    expect(await recover()).toBe(0);
    expect(job.completions).toEqual([expect.objectContaining({ success: false })]);
    expect(warnings).toEqual([]);
  });
});
