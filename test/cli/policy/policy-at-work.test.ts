import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limitsOf, OwnerPolicy } from '../../../cli/policy/owner-policy.ts';
import { clearPending, readPending } from '../../../cli/records/pending-sync.ts';
import { inspectRoots } from '../../../cli/records/sync-payload.ts';
import { timeLimitMs } from '../../../cli/runner/agent-run/prompt-run.ts';
import { PolicyWatch } from '../../../cli/runner/start/runner-report.ts';
import { CAPABILITIES } from '../../../spec/capabilities.ts';
import { FakeService } from '../runner/fake-hosted.ts';
import { until } from '../runner/job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { RECIPE_AGENT, runOrp, startOrp } from '../runner/orp-process.ts';
import { endLeftAgents } from '../runner/process/left-agents.ts';

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

const policyFile = () => join(machine.home, 'config/orp/policy.json');

function setPolicy(policy: object | string): void {
  const text = typeof policy === 'string' ? policy : JSON.stringify({ schema_version: '1.0.0', ...policy });
  writeFileSync(policyFile(), text);
}

function workOnce(...words: string[]) {
  const all = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT, '--json', ...words];
  return runOrp(all, { cwd: machine.repo, env: machine.env });
}

describe('the report of a policy', () => {
  /** Starts a runner, waits until it has said enough, and stops it. */
  async function workUntil(isSaid: () => boolean): Promise<void> {
    const words = [
      'runner',
      'work',
      '--transport',
      'poll',
      '--poll-interval',
      '1',
      '--codex-bin',
      RECIPE_AGENT,
    ];
    const runner = startOrp(words, { cwd: machine.repo, env: machine.env });
    try {
      await until(async () => isSaid());
    } finally {
      runner.child.kill('SIGTERM');
      await runner.ended;
    }
  }
  const verdicts = () =>
    service.requests
      .filter(({ route }) => route === 'sync')
      .flatMap(({ body }) => (body.sessions as { policy?: object }[]).map(({ policy }) => policy));
  const conditions = () =>
    service.requests
      .filter(({ route }) => route === 'heartbeat')
      .map(({ body }) => body.condition as Record<string, string> | undefined);

  it('says of each session whether a prompt is allowed, and by which rule it is not, without the rules', async () => {
    setPolicy({ sessions: ['orp-secret-name'] });
    await workUntil(() => verdicts().length > 0);
    expect(verdicts()[0]).toEqual({ outcome: 'deny', rule: 'sessions' });
    expect(JSON.stringify(service.requests)).not.toContain('secret-name');
  });

  it('says in quiet hours that nothing is claimed, and until when', async () => {
    setPolicy({ quiet_hours: [{ from: '00:00', to: '24:00' }] });
    await workUntil(() => conditions().some((condition) => condition !== undefined));
    const condition = conditions().find((one) => one !== undefined);
    expect(condition).toMatchObject({
      code: 'quiet_hours',
      message: expect.stringContaining('00:00 to 24:00'),
    });
    expect(Date.parse(condition?.until ?? '')).toBeGreaterThan(Date.now());
  });

  it('says of a broken file only that it is broken', async () => {
    setPolicy('{"repositories": secret');
    await workUntil(() => conditions().some((condition) => condition !== undefined) && verdicts().length > 0);
    expect(conditions()).toContainEqual({ code: 'policy_invalid', message: '' });
    expect(verdicts()[0]).toEqual({ outcome: 'deny', rule: 'policy_file' });
    expect(JSON.stringify(service.requests)).not.toContain('secret');
  });

  it('is not sent to a server that does not know it', async () => {
    service.announced = CAPABILITIES.filter((name) => name !== 'policy-report');
    setPolicy({ quiet_hours: [{ from: '00:00', to: '24:00' }] });
    await workUntil(() => service.requests.some(({ route }) => route === 'sync'));
    expect(verdicts()).toEqual([undefined]);
    expect(conditions().filter((condition) => condition !== undefined)).toEqual([]);
  });

  it('is sent again when the file has changed, and not otherwise', async () => {
    const reasons: string[] = [];
    const watch = new PolicyWatch({
      env: machine.env,
      policy: new OwnerPolicy({ env: machine.env, now: Date.now }),
      findCandidates: () => inspectRoots({ roots: [machine.repo], env: machine.env, now: Date.now() }),
      onReason: () => reasons.push('changed'),
    });
    const marked = async () => {
      await watch.check(Date.now());
      const roots = readPending(machine.env);
      await clearPending(machine.env, roots);
      return roots.size;
    };
    expect([await marked(), await marked()]).toEqual([1, 0]);
    setPolicy({ confirm: 'always' });
    expect([await marked(), await marked()]).toEqual([1, 0]);
    expect(reasons).toEqual([]);
    setPolicy({ quiet_hours: [{ from: '00:00', to: '24:00' }] });
    expect([await marked(), await marked()]).toEqual([1, 0]);
    expect(reasons).toEqual(['changed']);
  });
});

describe('a runner under a policy', () => {
  it.each([
    ['job_kinds', { job_kinds: ['idea.checkpoint'] }],
    ['accounts', { accounts: ['somebody@example.org'] }],
    ['repositories', { repositories: ['/srv/**'] }],
    ['sessions', { sessions: ['orp-review'] }],
    ['confirm', { confirm: 'always' }],
  ])('refuses by the rule %s before anything of the job is prepared', async (rule, policy) => {
    setPolicy(policy);
    const job = service.addJob('job_1', { say: 'Never.' }, { extra: { createdBy: 'mira@example.org' } });
    const { code, stdout } = await workOnce();

    expect(code).toBe(1);
    expect(job.completions).toEqual([
      expect.objectContaining({ success: false, failureKind: 'policy_denied', content: null }),
    ]);
    expect(job.completions[0]?.error).toContain(`(rule ${rule})`);
    expect(job.messages).toEqual([]);
    expect(JSON.parse(stdout).error).toContain(`(rule ${rule})`);
  });

  it('does not say that it works on a job that it refuses', async () => {
    const words = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT];
    const work = () => runOrp(words, { cwd: machine.repo, env: machine.env });
    setPolicy({ accounts: ['somebody@example.org'] });
    service.addJob('job_1', { say: 'Never.' }, { extra: { createdBy: 'mira@example.org' } });
    const refused = await work();
    expect(refused.code).toBe(1);
    expect(refused.stderr).not.toContain('Working on');
    setPolicy({});
    service.addJob('job_2', { say: 'Done.' });
    expect((await work()).stderr).toContain('Working on job job_2');
  });

  it('runs what its owner sends, and hands the settings of the policy to Codex, not those of the job', async () => {
    setPolicy({
      repositories: [join(machine.home, '*')],
      accounts: ['owner'],
      codex_sandbox: 'read-only',
      codex_approval: 'never',
    });
    const job = service.addJob(
      'job_1',
      { say: 'Done.' },
      {
        extra: { createdBy: 'MIRA@example.org' },
        payload: { codex_sandbox: 'danger-full-access', policy: { repositories: ['/**'] } },
      },
    );
    const { code, stdout } = await workOnce();

    expect(code).toBe(0);
    expect(job.status).toBe('completed');
    const { command } = JSON.parse(stdout).worker;
    expect(command).toContain('-c sandbox_mode="read-only" -c approval_policy="never" resume codex-1 -');
    expect(command).not.toContain('danger');
  });

  it.each([
    [undefined, undefined, 60],
    [undefined, 10, 10],
    [7200, 10, 10],
    [300, 10, 5],
    [7200, undefined, 120],
  ])('a job that asks for %s s under a limit of %s min may run for %i min', (...row) => {
    const [timeoutSeconds, minutes, expected] = row;
    const limits = limitsOf({
      schema_version: '1.0.0',
      ...(minutes === undefined ? {} : { max_run_minutes: minutes }),
    });
    expect(timeLimitMs({ timeoutSeconds }, limits)).toBe(expected * 60_000);
  });

  it.each([
    ['is torn', '{"schema_version": "1.0', 'it is not JSON'],
    [
      'has a misspelt rule',
      '{"schema_version":"1.0.0","repos":[]}',
      'repos: this version of orp has no such rule',
    ],
    ['has an unknown sandbox', '{"schema_version":"1.0.0","codex_sandbox":"none"}', 'codex_sandbox: '],
  ])('claims nothing while the file %s, and says what is wrong', async (_, text, problem) => {
    setPolicy(text);
    const job = service.addJob('job_1', { say: 'Never.' });
    const { code, stderr } = await workOnce();

    expect(code).toBe(2);
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error).toContain(problem);
    expect(job.status).toBe('queued');
    expect(readFileSync(policyFile(), 'utf8')).toBe(text);
  });

  it('lets jobs wait in quiet hours, and takes them when the rule is gone, without a restart', async () => {
    setPolicy({ quiet_hours: [{ from: '00:00', to: '24:00' }] });
    const job = service.addJob('job_1', { say: 'Done.' });
    const words = [
      'runner',
      'work',
      '--transport',
      'poll',
      '--poll-interval',
      '1',
      '--codex-bin',
      RECIPE_AGENT,
    ];
    const runner = startOrp(words, { cwd: machine.repo, env: machine.env });
    try {
      await until(() => runner.output.stderr.includes('Quiet hours are 00:00 to 24:00 (rule quiet_hours)'));
      expect(service.callsOf()).not.toContain('poll');
      expect(job.status).toBe('queued');

      setPolicy({ quiet_hours: [] });
      await until(() => job.status === 'completed');
    } finally {
      runner.child.kill('SIGTERM');
    }
    expect((await runner.ended).code).toBe(0);
  });
});
