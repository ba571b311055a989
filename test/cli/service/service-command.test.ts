import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceManager } from '../../../cli/service/service-manager.ts';
import { servicePath } from '../../../cli/service/service-place.ts';
import { startPushServer } from '../runner/channel/push-server.ts';
import { FakeService } from '../runner/fake-hosted.ts';
import { until } from '../runner/job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../runner/orp-process.ts';
import { endLeftAgents } from '../runner/process/left-agents.ts';
import { FakeManager } from './fake-manager.ts';

let service: FakeService;
let machine: LinkedMachine;
let manager: FakeManager;
let started: OrpProcess[];

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  manager = new FakeManager(machine.home);
  machine.env.PATH = `${manager.bin}:${machine.env.PATH}`;
  started = [];
});

afterEach(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

const orp = (...words: string[]) => runOrp(['runner', ...words], { cwd: machine.repo, env: machine.env });
const unit = () => join(machine.home, 'config/systemd/user/orp-runner.service');
/** As far as it matters to whoever reads the log. */
function pretendInstalled(): void {
  const path = servicePath(machine.env, process.platform) ?? '';
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

const log = () => readFileSync(join(machine.home, 'state/orp/log/runner.log'), 'utf8');

function serve(...words: string[]): OrpProcess {
  const all = ['runner', 'serve', '--', '--transport', 'poll', '--poll-interval', '1', ...words];
  const env = { ...machine.env, ORP_RUNNER_SERVICE: '1' };
  const runner = startOrp([...all, '--codex-bin', RECIPE_AGENT], { cwd: machine.repo, env });
  started.push(runner);
  return runner;
}

describe.runIf(process.platform === 'linux')('orp runner install', () => {
  it('writes the unit, loads it once, and says the second time that there is nothing to do', async () => {
    const first = await orp('install', '--json');
    expect(first.stderr).toBe('');
    expect(JSON.parse(first.stdout)).toMatchObject({
      action: 'installed',
      manager: 'systemd',
      path: unit(),
      notes: [expect.stringContaining('enable-linger')],
    });
    expect(statSync(unit()).mode & 0o777).toBe(0o600);
    expect(readFileSync(unit(), 'utf8')).toContain(
      `"--repo-root" "${machine.repo}" "runner" "serve" "--" "--all-linked"`,
    );
    expect(manager.takeOrders()).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable --now orp-runner.service',
    ]);

    expect((await orp('install')).stdout).toContain('service=already installed\n');
    expect(manager.takeOrders()).toEqual([]);
  });

  it('with other options rewrites the unit and restarts', async () => {
    await orp('install');
    manager.takeOrders();
    const { stdout } = await orp('install', '--json', '--', '--max-jobs', '2');
    expect(JSON.parse(stdout)).toMatchObject({ action: 'updated' });
    expect(readFileSync(unit(), 'utf8')).toContain('"--" "--max-jobs" "2"');
    expect(manager.takeOrders()).toEqual([
      'systemctl --user disable --now orp-runner.service',
      'systemctl --user daemon-reload',
      'systemctl --user enable --now orp-runner.service',
    ]);
  });

  it.each([
    [['--', '--max-job', '2', '--nonsense'], 'usage'],
    [['--', '--once'], 'usage'],
    [['--', '--takeover=60'], 'usage'],
    [['--', '--takeover', '60'], 'usage'],
    [['--', 'extra'], 'usage'],
    [['--', '--codex-bin', './a\nExecStart=/bin/evil'], 'usage'],
  ])('refuses %j before it changes anything', async (words, code) => {
    const { code: exit, stderr } = await orp('install', '--json', ...words);
    expect([exit, JSON.parse(stderr).code]).toEqual([2, code]);
    expect(existsSync(unit())).toBe(false);
    expect(manager.takeOrders()).toEqual([]);
  });

  it('says what is missing without a user bus, and without systemd', async () => {
    manager.break('systemctl', 'Failed to connect to bus: No medium found');
    const bus = await orp('install');
    expect(bus.code).toBe(2);
    expect(bus.stderr).toContain(
      'systemd does not respond for this user: Failed to connect to bus: No medium found.\n',
    );
    expect(bus.stderr).toContain('enable-linger');
    expect(existsSync(unit())).toBe(false);

    const { PATH: _, ...env } = machine.env;
    rmSync(join(manager.bin, 'systemctl'));
    const none = await runOrp(['runner', 'install'], {
      cwd: machine.repo,
      env: { ...env, PATH: manager.bin },
    });
    expect(none.stderr).toContain('systemctl was not found.');
  });

  it('warns when the policy wants to ask a person', async () => {
    const policy = { schema_version: '1.0.0', confirm: 'always' };
    writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
    expect((await orp('install')).stdout).toContain('warning=The policy requires a person to confirm jobs');
  });

  it('writes paths that mean the same in the folder of the service', async () => {
    const words = [
      '--codex-bin',
      './bin/codex',
      '--linked-project-root=../repo',
      '--codex-config-profile',
      './x',
    ];
    const { stdout } = await orp('install', '--json', '--', ...words);
    expect(JSON.parse(stdout).program.slice(-5)).toEqual([
      '--codex-bin',
      join(machine.repo, 'bin/codex'),
      `--linked-project-root=${machine.repo}`,
      '--codex-config-profile',
      './x',
    ]);
  });

  it('says what keeps it from working: no Codex where a service looks, and no repository but this one', async () => {
    const { stdout } = await orp('install', '--', '--max-jobs', '2');
    expect(stdout).toContain('service.runs=orp runner work --max-jobs 2\n');
    expect(stdout).toContain('warning=Codex was not found (codex). The service claims no jobs without it.');
    expect(stdout).toContain(`warning=The service works only in ${machine.repo}. Pass \`--all-linked\``);
    const found = await orp('install', '--', '--all-linked', '--codex-bin', RECIPE_AGENT);
    expect(found.stdout).not.toMatch(/was not found|works only in/);
  });

  it('says when Codex is too old to take jobs', async () => {
    const bin = join(machine.home, 'old-codex');
    writeFileSync(bin, "#!/bin/sh\necho 'codex-cli 0.46.9'\n", { mode: 0o755 });
    const { stdout } = await orp('install', '--', '--all-linked', '--codex-bin', bin);

    expect(stdout).toContain('warning=Codex 0.46.9 is too old: orp supports 0.47.0 and later.');
  });

  it('says that it waits for a runner that a person started', async () => {
    const words = ['runner', 'work', '--transport', 'poll', '--codex-bin', RECIPE_AGENT];
    const runner = startOrp(words, { cwd: machine.repo, env: machine.env });
    started.push(runner);
    await until(() => runner.output.stderr.includes('Waiting for jobs'));
    const { stdout } = await orp('install', '--json', '--', '--all-linked', '--codex-bin', RECIPE_AGENT);
    expect(JSON.parse(stdout).warnings).toContainEqual(
      expect.stringContaining(`Runner ${runner.child.pid}, started at a terminal, is working here.`),
    );
  });

  it('in its help and its refusals shows where the options of the runner go', async () => {
    expect((await orp('install', '--max-jobs', '2')).stderr).toContain(
      'Usage: orp runner install [options] [-- <options of orp runner work>].',
    );
    for (const name of ['install', 'uninstall', 'restart', 'logs']) {
      expect((await orp(name, '--help')).stdout).toMatch(/finishes first|finishes its job first|journalctl/);
    }
  });

  it('uninstall ends it and removes the unit, also twice', async () => {
    await orp('install');
    manager.takeOrders();
    expect((await orp('uninstall')).stdout).toContain('service=uninstalled\n');
    expect(manager.takeOrders()).toEqual([
      'systemctl --user disable --now orp-runner.service',
      'systemctl --user daemon-reload',
    ]);
    expect(existsSync(unit())).toBe(false);
    expect((await orp('uninstall')).stdout).toContain('service=was not installed\n');
  });

  it('restart lets the runner finish its job first', async () => {
    await orp('install');
    const finish = join(machine.home, 'finish');
    const job = service.addJob('job_1', {
      ready: join(machine.home, 'ready'),
      waitFor: finish,
      say: 'Done.',
    });
    const runner = serve();
    await until(() => existsSync(join(machine.home, 'ready')));
    manager.takeOrders();

    const asked = startOrp(['runner', 'restart', '--wait', '0', '--json'], {
      cwd: machine.repo,
      env: machine.env,
    });
    const early = await asked.ended;
    expect([early.code, JSON.parse(early.stderr).code]).toEqual([2, 'runner_running']);
    expect(manager.takeOrders()).toEqual([]);

    const waiting = orp('restart', '--json');
    writeFileSync(finish, '');
    expect(JSON.parse((await waiting).stdout)).toMatchObject({ action: 'restarted' });
    expect((await runner.ended).code).toBe(0);
    expect(job.status).toBe('completed');
    // The runner may have left before the second command looked.
    expect(manager.takeOrders().at(-1)).toMatch(/^systemctl --user (re)?start orp-runner.service$/);
  });
});

describe('a LaunchAgent', () => {
  it('is bootstrapped, started and booted out with the words of launchctl', async () => {
    const launchd = serviceManager({ env: machine.env, platform: 'darwin', userId: 501 });
    expect(launchd.path).toBe(join(machine.home, 'Library/LaunchAgents/orp.runner.plist'));
    expect(await launchd.state()).toBe('absent');
    await launchd.load();
    expect(await launchd.state()).toBe('running');
    await launchd.restart();
    manager.state = 'loaded';
    expect(await launchd.state()).toBe('loaded');
    await launchd.start();
    await launchd.unload();
    await launchd.unload();
    expect(manager.takeOrders()).toEqual([
      'launchctl enable gui/501/orp.runner',
      `launchctl bootstrap gui/501 ${launchd.path}`,
      'launchctl kickstart -k gui/501/orp.runner',
      'launchctl kickstart gui/501/orp.runner',
      'launchctl bootout gui/501/orp.runner',
    ]);
  });

  it('is known again although launchd takes its time to forget the old one', async () => {
    manager.slowToForget(3);
    manager.state = 'running';
    const launchd = serviceManager({ env: machine.env, platform: 'darwin', userId: 501, lookMs: 1 });
    await launchd.unload();
    expect(manager.state).toBe('absent');
    await launchd.load();
    expect(await launchd.state()).toBe('running');
    expect(manager.takeOrders().filter((order) => order.includes(' bootstrap '))).toHaveLength(3);
  });

  it('tells what launchctl said', async () => {
    manager.break('launchctl', 'Bootstrap failed: 5: Input/output error');
    const launchd = serviceManager({ env: machine.env, platform: 'darwin', userId: 501, lookMs: 1 });
    await expect(launchd.load()).rejects.toThrow('Bootstrap failed: 5: Input/output error');
  });
});

describe('the service at work', () => {
  it('works on jobs, writes its log, and ends with 0 when it is asked to leave', async () => {
    const job = service.addJob('job_1', { say: 'Done.' });
    const runner = serve();
    await until(() => job.status === 'completed');
    runner.child.kill('SIGTERM');
    expect(await runner.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(log()).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z Waiting for jobs as workbench\.\n/);
    const { stdout } = await orp('logs', '-n', '1');
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  it('outlives what a person can repair, and says it once', async () => {
    const record = join(machine.home, 'config/orp/remote-session.json');
    rmSync(record);
    const runner = serve();
    await until(
      () => existsSync(join(machine.home, 'state/orp/log/runner.log')) && log().includes('orp auth login'),
    );
    expect(runner.child.exitCode).toBe(null);
    runner.child.kill('SIGTERM');
    expect((await runner.ended).code).toBe(0);
  });

  it('ends for good when another runner of its machine id listens', async () => {
    const server = await startPushServer();
    const elsewhere = linkedMachine(server.baseUrl);
    try {
      const words = ['--transport', 'ws', '--codex-bin', RECIPE_AGENT];
      const env = { ...elsewhere.env, ORP_RUNNER_SERVICE: '1' };
      const opened = server.nextOpen();
      const runner = startOrp(['runner', 'serve', '--', ...words], { cwd: elsewhere.repo, env });
      started.push(runner);
      await opened;
      const error = 'Another runner of this machine connected; this one stops claiming.';
      server.tell({ event: 'error', data: { code: 'replaced', instance: 'another', error } });
      expect(await runner.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
      const lines = readFileSync(join(elsewhere.home, 'state/orp/log/runner.log'), 'utf8');
      expect(lines).toContain(error);
      expect(lines).toContain('orp runner restart');
      expect(lines.match(/Waiting for jobs/g)).toHaveLength(1);
    } finally {
      await server.close();
      elsewhere.remove();
    }
  });

  it('outlives what the system refuses, as a full disk does', async () => {
    // As on a full disk, the lock of the runner cannot be written.
    const place = join(machine.home, 'state/orp/runner');
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, '');
    const runner = serve();
    const path = join(machine.home, 'state/orp/log/runner.log');
    await until(() => runner.child.exitCode !== null || existsSync(path));
    await until(() => runner.child.exitCode !== null || log().includes('Retrying every 30 s.'));
    expect(runner.child.exitCode).toBe(null);
    expect(log()).toMatch(/ E[A-Z]+: /);
    runner.child.kill('SIGTERM');
    expect((await runner.ended).code).toBe(0);
  });

  it('logs go on with --follow', async () => {
    const path = join(machine.home, 'state/orp/log/runner.log');
    expect((await orp('logs')).stderr).toContain('There is no log');
    await runOrp(['runner', 'serve', '--', '--nonsense'], { cwd: machine.repo, env: machine.env });
    expect(log()).toContain('--nonsense');
    writeFileSync(path, 'one\ntwo\nthree\n');
    pretendInstalled();
    const follower = startOrp(['runner', 'logs', '-f', '-n', '2'], { cwd: machine.repo, env: machine.env });
    started.push(follower);
    await until(() => follower.output.stdout === 'two\nthree\n');
    writeFileSync(path, 'four\n', { flag: 'a' });
    await until(() => follower.output.stdout.endsWith('four\n'));
    writeFileSync(path, 'five\n', { flag: 'a' });
    rmSync(servicePath(machine.env, process.platform) ?? '');
    expect(await follower.ended).toMatchObject({ code: 2 });
    expect(follower.output.stdout).toMatch(/five\n$/);
    expect(follower.output.stderr).toContain('error: The runner is not installed as a service');
  });

  it.each([
    ['there is no log', undefined],
    ['an earlier service left one', 'one\ntwo\n'],
  ])('logs --follow ends with a clear sentence where there is no service: %s', async (_, text) => {
    if (text !== undefined) {
      const path = join(machine.home, 'state/orp/log/runner.log');
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const { code, stdout, stderr } = await orp('logs', '-f');
    expect(code).toBe(2);
    expect(stdout).toBe(text ?? '');
    expect(stderr).toBe(
      'error: The runner is not installed as a service, so nothing writes to its log.\n' +
        'hint: Run `orp runner install`. A runner at a terminal prints its messages there.\n',
    );
  });

  it('logs are a document as well, and --follow says what it waits for', async () => {
    const path = join(machine.home, 'state/orp/log/runner.log');
    const words = ['runner', 'logs', '-f', '--json'];
    pretendInstalled();
    const follower = startOrp(words, { cwd: machine.repo, env: machine.env });
    started.push(follower);
    await until(() => follower.output.stderr.includes('yet. Waiting for it'));
    mkdirSync(dirname(path), { recursive: true });
    const at_utc = '2026-04-01T10:00:00.000Z';
    writeFileSync(path, `${at_utc} one two\n`);
    await until(() => follower.output.stdout === `${JSON.stringify({ at_utc, text: 'one two' })}\n`);
    expect(JSON.parse((await orp('logs', '--json')).stdout)).toEqual({
      ok: true,
      path,
      lines: [{ at_utc, text: 'one two' }],
    });
  });
});
