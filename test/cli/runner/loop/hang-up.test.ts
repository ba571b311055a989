/** The terminal of a runner is closed, or was never its own: real terminals, real signals. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRunnerLock } from '../../../../cli/runner/process/runner-lock.ts';
import { openTerminal } from '../../output/terminal.ts';
import { FakeService } from '../fake-hosted.ts';
import { isAlive, until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { MAIN, RECIPE_AGENT, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

const PACE = ['--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
const WORK = ['runner', 'work', ...PACE, '--codex-bin', RECIPE_AGENT];

let service: FakeService;
let machine: LinkedMachine;
let ready: string;
let go: string;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  ready = join(machine.home, 'ready');
  go = join(machine.home, 'go');
});

afterEach(async () => {
  const runner = await runnerPid();
  if (runner !== undefined) process.kill(runner, 'SIGKILL');
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

/** Of the runner that holds the machine; undefined once none does. */
async function runnerPid(): Promise<number | undefined> {
  const lock = await readRunnerLock({ env: machine.env, machineId: 'mach-1' });
  return lock.kind === 'held' ? lock.holder.pid : undefined;
}

async function isLeft(): Promise<boolean> {
  return (await runnerPid()) === undefined;
}

function inTerminal(...wrapped: string[]) {
  const command = [...wrapped, process.execPath, MAIN, ...WORK];
  return openTerminal(command, { cwd: machine.repo, env: machine.env });
}

describe('a runner whose terminal is closed', () => {
  it('finishes its job, claims nothing more, and leaves nothing behind', async () => {
    const job = service.addJob('job_1', { ready, waitFor: go, say: 'unseen' });
    const terminal = inTerminal();
    await until(() => existsSync(ready) && job.status === 'running');
    const agent = Number(readFileSync(ready, 'utf8'));
    const runner = await until(runnerPid);
    const next = service.addJob('job_2', { say: 'never' });
    terminal.close();
    await terminal.ended;
    await until(async () => {
      const lock = await readRunnerLock({ env: machine.env, machineId: 'mach-1' });
      return lock.kind === 'held' && lock.holder.drainingAtUtc !== undefined;
    });
    // The shell, the system and the streams all say it; none of them means the agent.
    process.kill(runner, 'SIGHUP');
    const beats = service.requests.length;
    await until(() => service.requests.length >= beats + 2);
    expect(await isAlive(agent)).toBe(true);
    writeFileSync(go, '');
    await until(isLeft);

    expect([job.status, next.status]).toEqual(['completed', 'queued']);
    expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'unseen' })]);
    await until(async () => !(await isAlive(runner)) && !(await isAlive(agent)));
  });

  it('exits at once if it is idle', async () => {
    const terminal = inTerminal();
    await until(() => terminal.output.includes('waiting'));
    const runner = await until(runnerPid);
    terminal.close();
    await until(isLeft);
    await until(async () => !(await isAlive(runner)));
  });

  it('continues if it was started with nohup', async () => {
    const terminal = inTerminal('nohup');
    const runner = await until(runnerPid);
    await until(() => service.requests.some(({ route }) => route === 'poll'));
    terminal.close();
    await terminal.ended;
    process.kill(runner, 'SIGHUP');
    const job = service.addJob('job_1', { say: 'still here' });
    await until(() => job.status === 'completed');

    expect(await runnerPid()).toBe(runner);
    process.kill(runner, 'SIGTERM');
    await until(isLeft);
  });

  it('returns the job of the open question to the queue, and exits', async () => {
    const policy = { schema_version: '1.0.0', confirm: 'always' };
    writeFileSync(join(machine.env.XDG_CONFIG_HOME ?? '', 'orp/policy.json'), JSON.stringify(policy));
    const job = service.addJob('job_1', { say: 'never' });
    const terminal = inTerminal();
    await until(() => terminal.output.includes('May it run?'));
    const runner = await until(runnerPid);
    terminal.close();
    await until(isLeft);

    expect(job.releases).toEqual([expect.objectContaining({ reason: 'question_unanswered' })]);
    expect([job.status, job.starts, job.completions]).toEqual(['queued', 0, []]);
    await until(async () => !(await isAlive(runner)));
  });
});

describe('a runner whose reader is gone', () => {
  it('finishes its job, also when the same Ctrl-C ended the reader', async () => {
    const job = service.addJob('job_1', { ready, waitFor: go, say: 'unread' });
    const { child, ended } = startOrp(WORK, { cwd: machine.repo, env: machine.env });
    await until(() => existsSync(ready) && job.status === 'running');
    // As in `orp runner work 2>&1 | tee log`.
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.kill('SIGINT');
    const beats = service.requests.length;
    await until(() => service.requests.length >= beats + 2);
    writeFileSync(go, '');

    expect((await ended).code).toBe(0);
    expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'unread' })]);
  });
});
