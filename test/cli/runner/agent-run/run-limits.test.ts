import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunLimits } from '../../../../cli/runner/agent-run/run-limits.ts';
import type { StopReason } from '../../../../cli/runner/process/stop-switch.ts';
import { FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

describe('the limits of a run', () => {
  let asked: StopReason[];
  let limits: RunLimits | undefined;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    asked = [];
  });

  afterEach(() => {
    limits?.dispose();
    vi.useRealTimers();
  });

  function begin(limitMs: number, silenceMs: number): RunLimits {
    limits = new RunLimits({ limitMs, silenceMs }, (reason) => asked.push(reason));
    return limits;
  }

  it('stop an agent that says something all the time when its time is over', () => {
    const one = begin(60_000, 10_000);
    for (let second = 0; second < 60; second += 1) {
      one.heard();
      vi.advanceTimersByTime(1000);
    }

    expect(asked).toEqual([{ kind: 'time_limit', limitMs: 60_000 }]);
  });

  it('stop an agent a while after its last output, however much came before', () => {
    const one = begin(60_000, 10_000);
    vi.advanceTimersByTime(9000);
    one.heard();
    vi.advanceTimersByTime(9999);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(1);

    expect(asked).toEqual([{ kind: 'silence', limitMs: 10_000 }]);
  });

  it('never stop a silent agent if the limit is 0', () => {
    begin(60_000, 0);
    vi.advanceTimersByTime(59_999);

    expect(asked).toEqual([]);
  });

  it('ask nobody after the end', () => {
    begin(60_000, 10_000).dispose();
    vi.advanceTimersByTime(100_000);

    expect(asked).toEqual([]);
  });
});

describe('orp runner work --silence-limit', () => {
  let service: FakeService;
  let machine: LinkedMachine;

  beforeEach(async () => {
    service = await FakeService.start();
    machine = linkedMachine(service.baseUrl);
  });

  afterEach(async () => {
    endLeftAgents(machine.home);
    await service.close();
    machine.remove();
  });

  it('stops an agent that prints nothing, with the receipt, and says which limit it was', async () => {
    const recipe = { journal: join(machine.home, 'journal'), raw: ['working'], child: 'hold', hang: true };
    const job = service.addJob('job_1', recipe);
    const words = ['runner', 'work', '--once', '--silence-limit', '1', '--codex-bin', RECIPE_AGENT];
    const { code } = await runOrp(words, { cwd: machine.repo, env: machine.env });

    expect(code).toBe(1);
    expect(job.completions[0]).toMatchObject({
      success: false,
      failureKind: 'agent_timeout',
      error: 'The agent was stopped after 1 s without output: its silence limit.',
    });
    expect(service.textOf(job, 'system')).toMatch(/Stopped \(silence limit\): 2 processes ended by SIGINT/);
  });

  it.each(['-1', 'soon', '90000'])('refuses %s', async (value) => {
    const words = ['runner', 'work', '--once', `--silence-limit=${value}`];
    const { code, stderr } = await runOrp(words, { cwd: machine.repo, env: machine.env });

    expect(code).toBe(2);
    expect(stderr).toContain('--silence-limit');
  });
});
