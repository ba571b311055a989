import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runnerLockPath } from '../../../../cli/files/paths.ts';
import { FakeService } from '../fake-hosted.ts';
import { isAlive, until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

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
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

function start(...words: string[]): OrpProcess {
  const all = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
  const runner = startOrp([...all, '--codex-bin', RECIPE_AGENT, ...words], {
    cwd: machine.repo,
    env: machine.env,
  });
  runners.push(runner);
  return runner;
}

function spools(): string[] {
  const folder = join(machine.home, 'state/orp/spool/mach-1');
  return existsSync(folder) ? readdirSync(folder) : [];
}

function agentPid(): number {
  return Number(readFileSync(join(machine.home, 'ready'), 'utf8'));
}

/** A recipe whose agent says that it is there, and then waits for the file `go`. */
function waitingRecipe(more: object = {}) {
  return { journal: join(machine.home, 'journal'), ready: join(machine.home, 'ready'), ...more };
}

describe('a continuous runner', () => {
  it('continues after a failed job, and prints one JSON document per line', async () => {
    const failing = service.addJob('job_1', { fail: 'no', exit: 1 });
    const good = service.addJob('job_2', { say: 'yes' });
    const runner = start('--json');
    await until(() => good.status === 'completed' && failing.status === 'failed');
    await until(() => runner.output.stdout.includes('"job_2"'));
    runner.child.kill('SIGTERM');
    const end = await runner.ended;

    expect(end.code).toBe(0);
    const documents = end.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      documents.filter((document) => document.claimed).map((document) => [document.job.id, document.ok]),
    ).toEqual([
      ['job_1', false],
      ['job_2', true],
    ]);
  });

  it('continues with the other repositories if the records of one cannot be read, and reports it once', async () => {
    const other = linkedMachine(service.baseUrl);
    const torn = join(machine.repo, '.git/orp/link/sessions/x.json');
    writeFileSync(torn, '{"label": "Ti');
    try {
      const runner = start('--linked-project-root', other.repo);
      const job = service.addJob('job_1', { say: 'done' }, { payload: { projectRoot: other.repo } });
      await until(() => job.status === 'completed');
      await until(() => service.requests.filter(({ route }) => route === 'poll').length >= 3);

      expect(runner.output.stderr.split(torn)).toHaveLength(2);
      const roots = service.requests
        .filter(({ route }) => route === 'poll')
        .flatMap(({ query }) => query.getAll('projectRoot'));
      expect(new Set(roots)).toEqual(new Set([other.repo]));
      // What cannot be read stays as the server knows it.
      const synced = service.requests.filter(({ route }) => route === 'sync').map(({ body }) => body);
      const named = synced.flatMap(({ linkedProjects, completeRoots }) => [linkedProjects, completeRoots]);
      expect(JSON.stringify(named)).not.toContain(machine.repo);
    } finally {
      other.remove();
    }
  });

  it('prints one line for an outage of the server, waits, and continues', async () => {
    service.isDown = true;
    const runner = start();
    await until(() => service.requests.length >= 3);
    const job = service.addJob('job_1', { say: 'back' });
    service.isDown = false;
    await until(() => job.status === 'completed');

    expect(runner.output.stderr.match(/Retrying until/g)).toHaveLength(1);
    expect(runner.output.stderr).toContain('The runner works again');
  });

  it('waits after a refused sign-in, and continues after a new sign-in', async () => {
    service.isSignedOut = true;
    const runner = start();
    await until(() => runner.output.stderr.includes('orp auth login'));
    const job = service.addJob('job_1', { say: 'back' });
    service.isSignedOut = false;
    await until(() => job.status === 'completed');
  });

  it('keeps the agent at work through an outage, and delivers everything afterwards', async () => {
    const go = join(machine.home, 'go');
    const job = service.addJob(
      'job_1',
      waitingRecipe({ raw: ['before'], waitFor: go, say: 'after the outage' }),
    );
    start();
    await until(() => existsSync(join(machine.home, 'ready')) && job.status === 'running');
    service.isDown = true;
    const beats = service.requests.length;
    await until(
      () => service.requests.slice(beats).filter((request) => request.route === 'heartbeat').length >= 2,
    );
    expect(await isAlive(agentPid())).toBe(true);
    writeFileSync(go, '');
    await until(
      () => service.requests.slice(beats).filter((request) => request.route === 'logs').length >= 2,
    );
    service.isDown = false;
    await until(() => job.status === 'completed');

    expect(job.completions).toHaveLength(1);
    expect(service.textOf(job, 'stdout')).toBe('before\n');
    expect(service.textOf(job, 'agent')).toBe('after the outage');
  });

  it('finishes its job after the first signal, claims nothing more, and says so', async () => {
    const go = join(machine.home, 'go');
    const job = service.addJob('job_1', waitingRecipe({ waitFor: go, say: 'finished' }));
    const runner = start();
    await until(() => existsSync(join(machine.home, 'ready')));
    const next = service.addJob('job_2', { say: 'never' });
    runner.child.kill('SIGINT');
    await until(() => runner.output.stderr.includes('Finishing job job_1'));
    writeFileSync(go, '');

    expect((await runner.ended).code).toBe(0);
    expect([job.status, next.status]).toEqual(['completed', 'queued']);
  });

  it('stops the agent after the second signal, reports, and exits with 130', async () => {
    const job = service.addJob('job_1', waitingRecipe({ hang: true }));
    const runner = start();
    await until(() => existsSync(join(machine.home, 'ready')));
    runner.child.kill('SIGINT');
    await until(() => runner.output.stderr.includes('Finishing job'));
    runner.child.kill('SIGINT');

    expect((await runner.ended).code).toBe(130);
    expect(await isAlive(agentPid())).toBe(false);
    expect(job.completions[0]).toMatchObject({
      success: false,
      error: 'The runner was stopped by a person before the agent finished.',
    });
    expect(spools()).toEqual([]);
  });

  it('exits at once if it is idle', async () => {
    const runner = start();
    await until(() => runner.output.stdout.includes('job.status=idle'));
    runner.child.kill('SIGTERM');

    expect((await runner.ended).code).toBe(0);
  });
});

describe('a runner that was killed', () => {
  it('reports after its restart that nobody knows what the agent did, and ends the agent', async () => {
    const job = service.addJob('job_1', waitingRecipe({ raw: ['working'], hang: true }));
    const first = start();
    await until(() => service.textOf(job, 'stdout') === 'working\n');
    const pid = agentPid();
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await isAlive(pid)).toBe(true);
    start();
    await until(() => job.status === 'failed');

    expect(await isAlive(pid)).toBe(false);
    expect(job.completions).toHaveLength(1);
    expect(job.completions[0]?.error).toContain('what the agent did is unknown');
    expect(readFileSync(join(machine.home, 'journal'), 'utf8').match(/start/g)).toHaveLength(1);
    await until(() => spools().length === 0);
  });

  it('delivers a result that was on the disk, once, with every byte of the transcript', async () => {
    const job = service.addJob('job_1', waitingRecipe({ raw: ['one', 'two'], say: 'the answer' }));
    service.order('complete', ...Array<'unavailable'>(50).fill('unavailable'));
    const first = start();
    await until(() => service.requests.some((request) => request.route === 'complete'));
    first.child.kill('SIGKILL');
    await first.ended;
    expect(spools()).toEqual(['lea_1']);
    service.clearFaults();
    start();
    await until(() => job.status === 'completed');

    expect(job.completions).toHaveLength(1);
    expect(job.completions[0]).toMatchObject({ leaseId: 'lea_1', success: true, content: 'the answer' });
    expect(service.textOf(job, 'stdout')).toBe('one\ntwo\n');
    expect(service.textOf(job, 'agent')).toBe('the answer');
    await until(() => spools().length === 0);
  });

  it('moves aside the answer to a job that another runner has now', async () => {
    const job = service.addJob('job_1', waitingRecipe({ say: 'too late' }));
    service.order('complete', ...Array<'unavailable'>(50).fill('unavailable'));
    const first = start();
    await until(() => service.requests.some((request) => request.route === 'complete'));
    first.child.kill('SIGKILL');
    await first.ended;
    service.clearFaults();
    service.reclaim(job);
    job.status = 'running';
    const second = start();
    await until(() => existsSync(join(machine.home, 'state/orp/kept/lea_1/result.json')));
    await until(() => second.output.stderr.includes('no longer holds job'));

    expect(job.completions).toEqual([]);
    expect(spools()).toEqual([]);
  });
});

describe('a second runner on the machine', () => {
  it('reports the first runner and exits, without affecting it', async () => {
    const go = join(machine.home, 'go');
    const job = service.addJob('job_1', waitingRecipe({ waitFor: go, say: 'mine' }));
    const first = start();
    await until(() => existsSync(join(machine.home, 'ready')) && job.status === 'running');
    const asked = service.requests.length;
    const second = await start('--once').ended;

    expect(second.code).toBe(2);
    expect(second.stdout).toBe('');
    expect(second.stderr).toContain(`pid ${first.child.pid}`);
    expect(second.stderr).toContain('hint: It takes the queued jobs itself');
    expect(service.requests.slice(asked).filter(({ route }) => route === 'poll')).toEqual([]);
    expect(await isAlive(agentPid())).toBe(true);
    writeFileSync(go, '');
    await until(() => job.status === 'completed');
    expect(job.completions).toHaveLength(1);
  });

  it('waits with --takeover until the first runner has finished its job, then works', async () => {
    const go = join(machine.home, 'go');
    const job = service.addJob('job_1', waitingRecipe({ waitFor: go, say: 'mine' }));
    const first = start();
    await until(() => existsSync(join(machine.home, 'ready')) && job.status === 'running');
    const second = start('--takeover');
    await until(() => first.output.stderr.includes('Finishing job job_1'));
    await until(() => second.output.stderr.includes(`Waiting for runner ${first.child.pid}`));
    const next = service.addJob('job_2', { say: 'theirs' });
    writeFileSync(go, '');

    expect((await first.ended).code).toBe(0);
    await until(() => next.status === 'completed');
    expect([job.completions.length, next.completions.length]).toEqual([1, 1]);
  });

  it('takes the place of one that was killed, and leaves no lock when it ends', async () => {
    const first = start();
    await until(() => first.output.stdout.includes('idle'));
    first.child.kill('SIGKILL');
    await first.ended;
    const second = start();
    await until(() => second.output.stdout.includes('idle'));
    second.child.kill('SIGTERM');

    expect((await second.ended).code).toBe(0);
    expect(existsSync(runnerLockPath(machine.env, 'mach-1'))).toBe(false);
    expect(existsSync(join(machine.home, 'state/orp/runner/.lock'))).toBe(false);
  });
});
