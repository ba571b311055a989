/** Measures how fast `orp` starts, how large it is, and what a waiting runner uses. */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HEAP_FLAGS } from '../../cli/service/service-plan.ts';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { isolatedEnv } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import type { BenchOptions, Report } from './bench.ts';
import type { Account } from './client.ts';
import { percentile, rounded } from './report.ts';
import { startBenchService } from './service.ts';

const ORP = projectPath('dist/orp.js');
const ROUNDS = 40;
/** The first starts fill the caches of the disk. */
const WARM_UP = 5;
const SETTLE_MS = 5_000;
const IDLE_MS = 60_000;
const SAMPLE_MS = 5_000;
const GOALS = { startupRatio: 2, tarballKb: 300, rssMb: 80, cpuPercent: 0.1 };

/** A machine with one linked repository, in its own folder. */
interface Desk {
  folder: string;
  repo: string;
  env: NodeJS.ProcessEnv;
}

export async function run({ say }: BenchOptions): Promise<Report> {
  buildOrp();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-bench-cli-')));
  try {
    say('starting');
    const desk = makeDesk(folder);
    const { version, status } = measureStarts(desk);
    const tarballKb = measureTarball();
    say(`waiting for ${IDLE_MS / 1000} s`);
    const idle = await measureIdle(desk);
    const json = {
      versionStartupRatio: version,
      statusStartupRatio: status,
      tarballKb,
      idleRssMb: idle.rssMb,
      idleCpuPercent: idle.cpuPercent,
    };
    return {
      title: 'The command on a machine',
      table: [
        ['what', 'measured', 'goal'],
        ['orp --version, times a bare Node', version, GOALS.startupRatio],
        ['orp runner status --json, times a bare Node', status, GOALS.startupRatio],
        ['tarball, kB', tarballKb, GOALS.tarballKb],
        ['waiting runner, MB', idle.rssMb, GOALS.rssMb],
        ['waiting runner, % of a processor', idle.cpuPercent, GOALS.cpuPercent],
      ],
      notes: [
        `Starts: medians of ${ROUNDS}, in turns with \`node -e 0\`, in a linked repository without a sign-in.`,
        `Waiting: the installed command, with the flags of the service, against the real service for ${IDLE_MS / 1000} s; the most memory it held.`,
      ],
      json,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function makeDesk(folder: string): Desk {
  const repo = join(folder, 'repo');
  mkdirSync(repo);
  const desk = { folder, repo, env: { ...isolatedEnv(folder), HOME: folder } };
  execFileSync('git', ['init', '-q', repo], { env: desk.env });
  const link = join(repo, '.git', 'orp', 'link');
  mkdirSync(link, { recursive: true });
  const project = {
    schema_version: '1.0.0',
    idea_id: 'ide_bench',
    project_root: repo,
    linked_at_utc: '2026-04-01T10:00:00Z',
  };
  writeFileSync(join(link, 'project.json'), JSON.stringify(project));
  orp(
    desk,
    'link',
    'session',
    'register',
    '--orp-session-id',
    'main',
    '--label',
    'Main',
    '--codex-session-id',
    'c-1',
  );
  orp(desk, 'runner', 'enable');
  return desk;
}

function orp({ repo, env }: Desk, ...words: string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [ORP, ...words], {
    cwd: repo,
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`orp ${words.join(' ')} ended with ${status}: ${stderr}`);
}

const STATUS = [ORP, 'runner', 'status', '--json'];

function measureStarts(desk: Desk): { version: number; status: number } {
  const [bare = 1, version = 0, status = 0] = medianStarts(desk, [['-e', '0'], [ORP, '--version'], STATUS]);
  return { version: rounded(version / bare, 2), status: rounded(status / bare, 2) };
}

/** Starts the commands in turns, so that other programs on the machine slow down all commands in the same way. */
function medianStarts({ repo, env }: Desk, commands: readonly string[][]): number[] {
  const times = commands.map((): number[] => []);
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    for (const [at, words] of commands.entries()) {
      const begin = performance.now();
      const { status, stderr } = spawnSync(process.execPath, words, { cwd: repo, env });
      if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`);
      if (round >= 0) times[at]?.push(performance.now() - begin);
    }
  }
  return times.map((samples) => percentile(samples, 0.5));
}

/** Returns the size of the download. Checks that the package has no dependencies. */
function measureTarball(): number {
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const text = execFileSync('npm', words, {
    cwd: projectPath(''),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const size = /"size":\s*(\d+)/.exec(text)?.[1];
  if (size === undefined) throw new Error('npm pack told no size');
  const manifest = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { dependencies?: object };
  if (manifest.dependencies !== undefined) throw new Error('the package has dependencies at run time');
  return rounded(Number(size) / 1000);
}

async function measureIdle(desk: Desk) {
  const service = await startBenchService();
  try {
    signIn(desk, service.account);
    orp(desk, 'runner', 'sync');
    return await watchRunner(desk);
  } finally {
    await service.close();
  }
}

function signIn({ folder }: Desk, { baseUrl, token }: Account): void {
  const session = {
    base_url: baseUrl,
    email: 'bench@example.test',
    token,
    user: null,
    pending_verification: null,
  };
  writeFileSync(join(folder, 'config', 'orp', 'remote-session.json'), JSON.stringify(session), {
    mode: 0o600,
  });
}

async function watchRunner({ repo, env }: Desk): Promise<{ rssMb: number; cpuPercent: number }> {
  // The agent is never started, because there is no job.
  const words = [...HEAP_FLAGS, ORP, 'runner', 'work', '--codex-bin', process.execPath, '--verbose'];
  const runner = spawn(process.execPath, words, { cwd: repo, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(runner, 'exit');
  try {
    await once(runner.stderr, 'data');
    runner.stderr.resume();
    await pause(SETTLE_MS);
    const pid = runner.pid ?? 0;
    const before = cpuMs(pid);
    let rssMb = 0;
    for (let waited = 0; waited < IDLE_MS; waited += SAMPLE_MS) {
      await pause(SAMPLE_MS);
      rssMb = Math.max(rssMb, residentMb(pid));
    }
    return { rssMb: rounded(rssMb), cpuPercent: rounded(((cpuMs(pid) - before) / IDLE_MS) * 100, 2) };
  } finally {
    runner.kill('SIGTERM');
    await ended;
  }
}

function residentMb(pid: number): number {
  return Number(ps(pid, 'rss=')) / 1024;
}

/** Returns the processor time of a process. Linux counts in ticks of 10 ms. On other systems, `ps` prints `m:ss.cc`. */
function cpuMs(pid: number): number {
  if (process.platform === 'linux') {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
  return (
    ps(pid, 'time=')
      .split(':')
      .reduce((total, part) => total * 60 + Number(part), 0) * 1000
  );
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
