import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatStatus } from '../../../cli/commands/runner-status-view.ts';
import { runnerLivePath, runnerLockPath } from '../../../cli/files/paths.ts';
import { bare } from '../../../cli/output/text-output.ts';
import { gatherSituation } from '../../../cli/status/runner-situation.ts';
import { FakeService } from '../runner/fake-hosted.ts';
import { until } from '../runner/job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../runner/orp-process.ts';
import { FakePs } from '../runner/process/fake-ps.ts';
import { endLeftAgents } from '../runner/process/left-agents.ts';
import { FakeManager } from '../service/fake-manager.ts';

let service: FakeService;
let machine: LinkedMachine;
let manager: FakeManager;
let runner: OrpProcess | undefined;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  manager = new FakeManager(machine.home);
  machine.env.PATH = `${manager.bin}:${machine.env.PATH}`;
});

afterEach(async () => {
  runner?.child.kill('SIGKILL');
  await runner?.ended;
  runner = undefined;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

async function status() {
  const { stdout, stderr, code } = await runOrp(['runner', 'status', '--json'], {
    cwd: machine.repo,
    env: machine.env,
  });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function start(...words: string[]): void {
  const all = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--codex-bin', RECIPE_AGENT];
  runner = startOrp([...all, ...words], { cwd: machine.repo, env: machine.env });
}

describe('orp runner status about the machine', () => {
  it('says that nothing is there, and asks no system about it', async () => {
    expect(await status()).toMatchObject({
      service: { installed: false, loaded: false, running: false },
      runner: { running: false, abandoned: false },
      channel: { transport: '', listening: false },
      spool: { leases: 0, bytes: 0, oldest_at_utc: null },
      last_error: null,
      policy: { exists: false, valid: true, rules: [], waiting: '' },
    });
    expect(manager.takeOrders()).toEqual([]);
  });

  it('shows the runner that works, and the one that was killed', async () => {
    start();
    await until(() => existsSync(runnerLockPath(machine.env, 'mach-1')));
    await until(() => existsSync(runnerLivePath(machine.env, 'mach-1')));
    const working = await status();
    expect(working.runner).toMatchObject({ running: true, started_by: 'terminal', pid: runner?.child.pid });
    expect(working.channel).toMatchObject({ transport: 'poll', listening: false });

    runner?.child.kill('SIGKILL');
    await runner?.ended;
    const killed = await status();
    expect(killed.runner).toMatchObject({ running: false, abandoned: true });
    expect(killed.channel).toEqual({ transport: '', listening: false });
  });

  it('shows the last error of the runner, even after it has exited', async () => {
    service.isDown = true;
    start();
    const path = runnerLivePath(machine.env, 'mach-1');
    await until(() => existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).last_error);
    runner?.child.kill('SIGTERM');
    await runner?.ended;
    const { last_error } = await status();
    expect(last_error.message).toContain('Retrying until the server answers.');
    expect(last_error.at_utc).toMatch(/^\d{4}-/);
  });

  it('takes what a person did for no error', async () => {
    const ready = join(machine.home, 'ready');
    service.addJob('job_1', { ready, waitFor: join(machine.home, 'never'), say: 'Never.' });
    start();
    await until(() => existsSync(ready));
    runner?.child.kill('SIGINT');
    await until(() => runner?.output.stderr.includes('Press Ctrl-C again to stop the agent.') ?? false);
    runner?.child.kill('SIGINT');
    await runner?.ended;
    expect(runner?.output.stderr).toContain('Stopping the agent and reporting the results.');
    expect((await status()).last_error).toBe(null);
  });

  it('of a fresh machine names the sign-in before what needs it', async () => {
    rmSync(join(machine.home, 'config/orp/remote-session.json'));
    rmSync(join(machine.repo, '.git/orp'), { recursive: true });
    const { next_actions } = await status();
    expect(next_actions).toContain('orp auth login');
    const bind = next_actions.findIndex((action: string) => action.startsWith('orp link project bind'));
    expect(next_actions.indexOf('orp auth login')).toBeLessThan(bind);
  });

  it('counts the waiting results in the spool, and says how they are delivered', async () => {
    const lease = join(machine.home, 'state/orp/spool/mach-1/lea_1');
    mkdirSync(lease, { recursive: true });
    writeFileSync(join(lease, 'result.json'), 'x'.repeat(100));
    writeFileSync(join(lease, 'chunks.jsonl'), 'y'.repeat(50));
    const { spool, next_actions } = await status();
    expect(spool).toMatchObject({ leases: 1, bytes: 150, oldest_at_utc: expect.stringMatching(/^\d{4}-/) });
    expect(next_actions).toContain('orp runner work --once');
  });

  it('counts the refused results, and says where they are and what to do', async () => {
    const path = join(machine.home, 'state/orp/kept');
    expect((await status()).kept).toEqual({ path, jobs: 0 });
    for (const name of ['lea_1', 'lea_1-2']) mkdirSync(join(path, name), { recursive: true });
    writeFileSync(join(path, '.DS_Store'), '');
    const document = await status();

    expect(document.kept).toEqual({ path, jobs: 2 });
    expect(document.warnings).toContainEqual(
      expect.stringMatching(/^2 jobs have results that the server did not accept.*state\/orp\/kept.*remove/),
    );
    expect(document.next_actions).toContain(`ls ${path}`);
    expect(bare(formatStatus(document, undefined, Date.now()))).toContain(
      `  Kept        2 jobs in ${path}\n`,
    );
    const { stdout } = await runOrp(['runner', 'status'], { cwd: machine.repo, env: machine.env });
    expect(stdout).toContain('kept.jobs=2\n');
  });

  it('says that it is unknown whether a runner works, if the process list cannot be read', async () => {
    start();
    await until(() => existsSync(runnerLivePath(machine.env, 'mach-1')));
    using _ps = new FakePs(machine.home, 'failing');
    const { env } = machine;

    expect((await gatherSituation({ env, machineId: 'mach-1', now: Date.now() })).runner).toEqual({
      running: false,
      abandoned: false,
      error: expect.stringContaining('Could not list running processes'),
    });
  });

  it('shows a policy that waits, and one that is broken', async () => {
    const path = join(machine.home, 'config/orp/policy.json');
    writeFileSync(path, '{"schema_version":"1.0.0","quiet_hours":[{"from":"00:00","to":"24:00"}]}');
    expect(await status()).toMatchObject({
      policy: {
        exists: true,
        valid: true,
        rules: ['quiet_hours'],
        waiting: expect.stringContaining('Quiet hours'),
      },
    });
    writeFileSync(path, '{');
    const broken = await status();
    expect(broken.policy).toMatchObject({ valid: false });
    expect(broken.next_actions).toContain('orp runner policy check');
  });

  it.runIf(process.platform === 'linux')('shows the real state of an installed service', async () => {
    const unit = join(machine.home, 'config/systemd/user/orp-runner.service');
    mkdirSync(dirname(unit), { recursive: true });
    writeFileSync(unit, '');
    manager.state = 'loaded';
    const stopped = await status();
    expect(stopped.service).toMatchObject({ installed: true, loaded: true, running: false });
    expect(stopped.next_actions).toContain('orp runner restart');
    manager.state = 'running';
    const waiting = await status();
    expect(waiting.service).toMatchObject({ installed: true, loaded: true, running: true });
    expect(waiting.warnings).toContainEqual(
      expect.stringContaining('The service is running, but its runner is not'),
    );
    expect(waiting.next_actions).toContain('orp runner logs');
    manager.break('systemctl', 'Failed to connect to bus: No medium found');
    const unknown = await status();
    expect(unknown.service).toMatchObject({ loaded: null, error: expect.stringContaining('No medium') });
    expect(unknown.warnings).toContainEqual(expect.stringContaining('enable-linger'));
  });

  it('says the same whether the command line is plain or not', async () => {
    const at = { cwd: machine.repo, env: machine.env };
    const plain = await runOrp(['runner', 'status'], at);
    const long = await runOrp(['--repo-root', '.', 'runner', 'status'], at);
    expect(long).toEqual(plain);
    const json = await runOrp(['runner', 'status', '--json'], at);
    expect(await runOrp(['runner', 'status', '--js'], at)).toEqual(json);
  });

  it('says that the machine is drained, and when it continues', async () => {
    service.isDrained = true;
    start();
    const drained = await until(async () => {
      const document = await status();
      return document.runner.drained_at_utc === undefined ? undefined : document;
    });
    expect(bare(formatStatus(drained, undefined, Date.now()))).toMatch(
      /^! This machine is drained: its runner/,
    );
    const { stdout } = await runOrp(['runner', 'status'], { cwd: machine.repo, env: machine.env });
    expect(stdout).toContain('runner.drained=true\n');
    service.isDrained = false;
    await until(async () => (await status()).runner.drained_at_utc === undefined);
  });

  it('reads well on a terminal', async () => {
    start();
    await until(() => existsSync(runnerLivePath(machine.env, 'mach-1')));
    const document = await status();
    const page = bare(formatStatus(document, undefined, Date.now()));
    expect(page).toMatch(/^● The runner is working at a terminal: pid \d+, version \S+, for \d+ s\.\n\n/);
    expect(page).toMatch(/\n {2}Repository {2}\/.*, linked; 1 of 1 session can take jobs\n/);
    expect(page).toMatch(/\n {2}Channel {5}polling/);
    expect(page).toMatch(/\n {2}Spool {7}empty\n/);
  });
});
