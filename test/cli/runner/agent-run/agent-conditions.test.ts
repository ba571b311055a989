/** A failure of the agent's account, sign-in or program costs no job. */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TextOutput } from '../../../../cli/output/text-output.ts';
import { ownerPolicy } from '../../../../cli/runner/agent-run/policy-gate.ts';
import { DrainSwitch } from '../../../../cli/runner/loop/drain-switch.ts';
import { AgentCycle } from '../../../../cli/runner/review-worker/cycle.ts';
import { type AgentService, agentService } from '../../../../cli/runner/review-worker/hosted.ts';
import { CAPABILITIES } from '../../../../spec/capabilities.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { runnerContext } from '../runner-context.ts';

const LIMIT = "You've hit your usage limit. Upgrade to Pro or try again in 3 hours 5 minutes.";
const SIGNED_OUT = 'unexpected status 401 Unauthorized: Incorrect API key provided.';

let service: FakeService;
let machine: LinkedMachine;
let runners: OrpProcess[];

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  runners = [];
});

afterEach(async () => {
  for (const runner of runners) runner.child.kill('SIGKILL');
  await Promise.all(runners.map((runner) => runner.ended));
  await service.close();
  machine.remove();
});

function start(bin = RECIPE_AGENT): OrpProcess {
  const words = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--codex-bin', bin];
  const runner = startOrp(words, { cwd: machine.repo, env: machine.env });
  runners.push(runner);
  return runner;
}

function addJobs(recipe: object): FakeJob[] {
  return [1, 2, 3, 4, 5, 6].map((number) => service.addJob(`job_${number}`, recipe));
}

/** The server knows that the machine has paused, and no job is held any more: either may arrive first. */
async function untilPaused(jobs: readonly FakeJob[]): Promise<void> {
  const isHeld = ({ status }: FakeJob) => status === 'dispatched' || status === 'running';
  await until(() => conditions().length > 0 && !jobs.some(isHeld));
}

function conditions(): Record<string, unknown>[] {
  const beats = service.requests.filter(({ route }) => route === 'heartbeat');
  return beats.flatMap(({ body }) => (body.condition ? [body.condition as Record<string, unknown>] : []));
}

describe('a runner whose agent has reached its usage limit', () => {
  it('gives the job back, leaves the queue alone, and says until when', async () => {
    const jobs = addJobs({ fail: LIMIT, exit: 1 });
    const runner = start();
    await untilPaused(jobs);

    expect(jobs.map(({ status }) => status)).toEqual(jobs.map(() => 'queued'));
    expect(jobs.flatMap(({ completions }) => completions)).toEqual([]);
    expect(jobs.flatMap(({ releases }) => releases)).toEqual([
      expect.objectContaining({ reason: 'usage_limited', message: expect.stringContaining(LIMIT) }),
    ]);
    const [said] = conditions();
    expect(said).toMatchObject({ code: 'usage_limited', message: LIMIT });
    const waitMs = Date.parse(String(said?.until)) - Date.now();
    expect(waitMs).toBeGreaterThan(184 * 60_000);
    expect(waitMs).toBeLessThanOrEqual(185 * 60_000);
    await until(() => runner.output.stderr.includes('Claiming again at'));
    expect(runner.output.stderr.match(/has reached its usage limit/g)).toHaveLength(1);

    const shown = await runOrp(['runner', 'status', '--json'], { cwd: machine.repo, env: machine.env });
    const status = JSON.parse(shown.stdout);
    expect(status.runner.paused).toMatchObject({ code: 'usage_limited', message: LIMIT });
    expect(status.warnings).toContainEqual(expect.stringContaining('The agent takes no jobs'));
  });

  it('fails the one job that had an effect, with that reason', async () => {
    const jobs = addJobs({ say: 'I begin.', fail: LIMIT, exit: 1 });
    start();
    await untilPaused(jobs);

    expect(jobs.flatMap(({ completions }) => completions)).toEqual([
      expect.objectContaining({ success: false, content: 'I begin.', failureKind: 'usage_limited' }),
    ]);
    expect(jobs.flatMap(({ releases }) => releases)).toEqual([]);
    expect(jobs.filter(({ status }) => status === 'queued')).toHaveLength(5);
  });

  it('asks for the job again when the limit resets, where the job waits for that', async () => {
    const expiresAt = new Date(Date.now() + 24 * 3_600_000).toISOString();
    const terms = { onUsageLimit: 'wait', expiresAt };
    const job = service.addJob('job_1', { fail: LIMIT, exit: 1 }, { extra: terms });
    start();
    await untilPaused([job]);

    const [release] = job.releases;
    expect(release).toMatchObject({ reason: 'usage_limited' });
    expect(release?.retryAfterMs).toBeGreaterThan(184 * 60_000);
    expect(release?.retryAfterMs).toBeLessThanOrEqual(185 * 60_000);
  });

  it.each([
    ['does not wait', { onUsageLimit: 'fail' }],
    ['has waited before', { onUsageLimit: 'wait', usageWaits: 1 }],
  ])('fails a job that %s, and names the reset', async (_, terms) => {
    const expiresAt = new Date(Date.now() + 24 * 3_600_000).toISOString();
    const job = service.addJob('job_1', { fail: LIMIT, exit: 1 }, { extra: { ...terms, expiresAt } });
    start();
    await untilPaused([job]);

    expect(job.releases).toEqual([]);
    expect(job.completions).toEqual([
      expect.objectContaining({
        success: false,
        failureKind: 'usage_limited',
        error: expect.stringMatching(/The usage limit resets at \d{4}-\d\d-\d\d \d\d:\d\d UTC\./),
      }),
    ]);
  });

  it('fails one job and pauses where the server takes none back', async () => {
    service.announced = CAPABILITIES.filter((name) => name !== 'release');
    const jobs = addJobs({ fail: LIMIT, exit: 1 });
    start();
    await untilPaused(jobs);

    expect(jobs.flatMap(({ completions }) => completions)).toEqual([
      expect.objectContaining({ success: false, failureKind: 'usage_limited' }),
    ]);
    expect(service.requests.filter(({ route }) => route === 'release')).toEqual([]);
    expect(jobs.filter(({ status }) => status === 'queued')).toHaveLength(5);
  });

  it('gives the job back later when the server is away at that moment', async () => {
    service.order('release', 'unavailable', 'lost');
    const [job] = addJobs({ fail: LIMIT, exit: 1 });
    start();
    await until(() => job?.releases.length === 1 && job.status === 'queued');

    expect(job?.completions).toEqual([]);
  });
});

describe('a runner whose agent cannot work', () => {
  it.each([
    ['is signed out', SIGNED_OUT, 'signed_out'],
    ['has an overloaded model', 'Selected model is at capacity. Please try a different model.', 'overloaded'],
  ])('keeps the queue when it %s', async (_, fail, code) => {
    const jobs = addJobs({ fail, exit: 1 });
    start();
    await untilPaused(jobs);

    expect(conditions()[0]).toMatchObject({ code, until: expect.any(String) });
    expect(jobs.flatMap(({ releases }) => releases)).toEqual([expect.objectContaining({ reason: code })]);
    expect(jobs.map(({ status }) => status)).toEqual(jobs.map(() => 'queued'));
  });

  it('keeps the queue when its installation is broken', async () => {
    const bin = join(machine.home, 'broken-codex');
    const words = 'Error: Missing optional dependency @openai/codex-linux-x64. Reinstall Codex.';
    writeFileSync(bin, `#!/bin/sh\necho '${words}' >&2\nexit 1\n`);
    chmodSync(bin, 0o755);
    const jobs = addJobs({});
    start(bin);
    await untilPaused(jobs);

    expect(conditions()[0]).toMatchObject({ code: 'agent_unavailable' });
    expect(jobs.map(({ status }) => status)).toEqual(jobs.map(() => 'queued'));
  });

  it('says so when its program is missing, and works as soon as it is there', async () => {
    const bin = join(machine.home, 'later-codex');
    const job = service.addJob('job_1', { say: 'Done.' });
    start(bin);
    await untilPaused([job]);
    expect(conditions()[0]).toMatchObject({ code: 'agent_unavailable' });
    expect(job.status).toBe('queued');

    writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${RECIPE_AGENT}' "$@"\n`, { mode: 0o755 });
    await until(() => job.status === 'completed');
  });
});

describe('a session that another program has open', () => {
  const IN_USE = 'Error: thread/resume failed: thread codex-1 already has an active writer (code -32600)';
  const words = ['runner', 'work', '--once', '--json', '--codex-bin'];

  /** Codex says so before it reports anything. */
  function busyCodex(): string {
    const bin = join(machine.home, 'busy-codex');
    writeFileSync(bin, `#!/bin/sh\necho '${IN_USE}' >&2\nexit 1\n`, { mode: 0o755 });
    return bin;
  }

  it('costs no job: it goes back to the queue with the reason, and nothing else pauses', async () => {
    const job = service.addJob('job_1', {});
    const { code } = await runOrp([...words, busyCodex()], { cwd: machine.repo, env: machine.env });

    expect(code).toBe(1);
    expect(job.releases).toEqual([expect.objectContaining({ reason: 'session_in_use' })]);
    expect([job.completions, job.status, conditions()]).toEqual([[], 'queued', []]);
  });

  it('fails the job with what to do where the server takes none back', async () => {
    service.announced = CAPABILITIES.filter((name) => name !== 'release');
    const job = service.addJob('job_1', {});
    await runOrp([...words, busyCodex()], { cwd: machine.repo, env: machine.env });

    const error =
      'The session is busy: its owner is working in it on its machine. Close it there (a terminal, an editor or the app of the agent), or send the prompt to another session.';
    expect(job.completions).toEqual([expect.objectContaining({ success: false, content: null, error })]);
  });

  it('is no such thing when the agent only speaks of one', async () => {
    const job = service.addJob('job_1', { say: 'I begin.', fail: IN_USE, exit: 1 });
    await runOrp([...words, RECIPE_AGENT], { cwd: machine.repo, env: machine.env });

    expect(job.releases).toEqual([]);
    expect(job.completions).toEqual([expect.objectContaining({ failureKind: 'agent_error' })]);
  });
});

describe('the compatibility path of a machine whose agent cannot work', () => {
  it('asks for no review while it pauses', async () => {
    const context = runnerContext({ machine, baseUrl: service.baseUrl, startTime: 'first' });
    const asked: object[] = [];
    const hosted: AgentService = {
      ...agentService({ baseUrl: service.baseUrl, connect: () => Promise.reject(new Error('not asked')) }),
      ask: async (question) => {
        asked.push(question);
        return { kind: 'ok', value: {} };
      },
    };
    const { env, stdin } = process;
    const stderr = new TextOutput(process.stderr, env);
    const policy = ownerPolicy(
      { env: { ...env, ...machine.env }, stdin, stderr },
      new DrainSwitch(context.reporter),
    );
    const nothing = () => undefined;
    const cycle = new AgentCycle({
      context: { ...context, service: hosted },
      policy,
      agent: undefined,
      onBusy: nothing,
      onIdle: nothing,
    });
    context.claimPause.meet({ code: 'signed_out', message: SIGNED_OUT });

    await expect(cycle.run(false)).rejects.toMatchObject({
      code: 'claiming_paused',
      message: expect.stringContaining(SIGNED_OUT),
    });
    expect(asked).toEqual([]);
  });
});
