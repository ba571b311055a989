/** A runner that asks the person in front of it: a real terminal, real keys, real signals. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRunnerLock } from '../../../cli/runner/process/runner-lock.ts';
import { type OwnTerminal, openTerminal } from '../output/terminal.ts';
import { type FakeJob, FakeService } from '../runner/fake-hosted.ts';
import { until } from '../runner/job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { MAIN, RECIPE_AGENT } from '../runner/orp-process.ts';
import { endLeftAgents } from '../runner/process/left-agents.ts';

const WORK = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const QUESTION = 'May it run?';

let service: FakeService;
let machine: LinkedMachine;
let terminal: OwnTerminal;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  const policy = { schema_version: '1.0.0', confirm: 'always' };
  writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
});

afterEach(async () => {
  const runner = await runnerPid();
  if (runner !== undefined) process.kill(runner, 'SIGKILL');
  terminal.close();
  await terminal.ended;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

/** Of the runner that holds the machine; undefined once none does. */
async function runnerPid(): Promise<number | undefined> {
  const lock = await readRunnerLock({ env: machine.env, machineId: 'mach-1' });
  return lock.kind === 'held' ? lock.holder.pid : undefined;
}

function startRunner(...words: string[]): void {
  const command = [process.execPath, MAIN, ...WORK, '--codex-bin', RECIPE_AGENT, ...words];
  terminal = openTerminal(command, { cwd: machine.repo, env: machine.env });
}

/** A job about which the person is being asked right now. */
async function askedJob(...words: string[]): Promise<FakeJob> {
  const job = service.addJob('job_1', { say: 'Done.' });
  startRunner(...words);
  await until(() => terminal.output.includes(QUESTION));
  return job;
}

/** How often the runner has told the server that a person is being asked. */
function askingBeats(job: FakeJob): number {
  return service.requests.filter(
    ({ route, body }) => route === 'heartbeat' && body.jobId === job.id && body.asking === true,
  ).length;
}

function hasLeft(): Promise<boolean> {
  return until(async () => (await runnerPid()) === undefined);
}

describe('a job that a person is asked about', () => {
  it('is not started meanwhile, and its sender is told so again and again', async () => {
    const job = await askedJob();
    await until(() => askingBeats(job) >= 2);
    expect([job.status, job.starts, job.messages]).toEqual(['dispatched', 0, []]);
    terminal.type('y\n');
    await until(() => job.status === 'completed');
    const beats = askingBeats(job);
    await until(() => service.requests.at(-1)?.route === 'heartbeat');
    expect(askingBeats(job)).toBe(beats);
  });

  it.each(['y', 'yes', 'Y'])('runs after %s', async (answer) => {
    const job = await askedJob();
    terminal.type(`${answer}\n`);
    await until(() => job.status === 'completed');
    expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'Done.' })]);
    expect(job.starts).toBe(1);
  });

  it.each(['n', 'no', 'NO'])('is refused after %s, and the runner continues', async (answer) => {
    const job = await askedJob();
    const next = service.addJob('job_2', { say: 'Next.' });
    terminal.type(`${answer}\n`);
    await until(() => job.status === 'failed');
    expect(job.completions).toEqual([
      expect.objectContaining({
        success: false,
        failureKind: 'policy_denied',
        error: expect.stringContaining('the person at the terminal refused it'),
      }),
    ]);
    await until(() => terminal.output.split(QUESTION).length === 3);
    terminal.type('y\n');
    await until(() => next.status === 'completed');
  });

  it.each(['yse', ''])('is asked about again after %j, without being run or refused', async (answer) => {
    const job = await askedJob();
    terminal.type(`${answer}\n`);
    await until(() => terminal.output.includes('Type y or n.'));
    expect([job.status, job.starts]).toEqual(['dispatched', 0]);
    terminal.type('y\n');
    await until(() => job.status === 'completed');
  });
});

describe('a question that is left', () => {
  it.each([
    ['Ctrl-C', () => terminal.type(CTRL_C)],
    ['Ctrl-D', () => terminal.type(CTRL_D)],
    ['a closed terminal', () => terminal.close()],
  ])('by %s puts the job back, and the runner leaves', async (_, leave) => {
    const job = await askedJob();
    leave();
    await hasLeft();
    expect(job.releases).toEqual([expect.objectContaining({ reason: 'question_unanswered' })]);
    expect([job.status, job.starts, job.completions]).toEqual(['queued', 0, []]);
  });

  it('says on the terminal what became of the job', async () => {
    await askedJob();
    terminal.type(CTRL_C);
    await terminal.ended;
    expect(terminal.output).toContain('Exiting; no job is running.');
    expect(terminal.output).toContain('Job job_1 was not started and is in the queue again.');
  });

  it('of --once ends it as interrupted', async () => {
    const job = await askedJob('--once');
    terminal.type(CTRL_C);
    await terminal.ended;
    expect(terminal.output).toContain('Interrupted before the job was started.');
    expect([job.status, job.starts]).toEqual(['queued', 0]);
  });

  it('is put back though the first answers of the server are lost', async () => {
    const job = await askedJob();
    service.order('release', 'unavailable', 'lost');
    terminal.type(CTRL_C);
    await hasLeft();
    expect(job.releases).toHaveLength(1);
    expect(job.status).toBe('queued');
  });

  it('stays unstarted under a server that takes no job back: its lease ends by itself', async () => {
    const job = await askedJob();
    service.order('release', 'refused');
    terminal.type(CTRL_C);
    await terminal.ended;
    expect(terminal.output).toContain('it goes back to the queue when its lease ends');
    expect([job.status, job.starts, job.completions]).toEqual(['dispatched', 0, []]);
  });
});

describe('a question that the server takes back', () => {
  it('closes when the sender cancels, is confirmed, and no key answers it later', async () => {
    const job = await askedJob();
    service.cancel(job);
    await until(() => job.receipts.length === 1);
    expect(job.receipts[0]).toMatchObject({
      receipt: expect.objectContaining({ processes: 0, signal: 'none' }),
    });
    expect([job.starts, job.releases]).toEqual([0, []]);
    const next = service.addJob('job_2', { say: 'Next.' });
    terminal.type('y\n');
    await until(() => terminal.output.split(QUESTION).length === 3);
    expect(next.starts).toBe(0);
  });

  it('closes when the lease is lost, and nothing is reported under it', async () => {
    const job = await askedJob();
    service.reclaim(job);
    await until(() => terminal.output.split(QUESTION).length === 3);
    expect([job.starts, job.completions, job.releases]).toEqual([0, [], []]);
  });
});
