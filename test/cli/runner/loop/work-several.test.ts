import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rememberRoot } from '../../../../cli/records/linked-roots.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let service: FakeService;
let machine: LinkedMachine;
/** Lends its repository; nobody works as this machine. */
let other: LinkedMachine;
let runner: OrpProcess | undefined;

beforeEach(async () => {
  service = await FakeService.start();
  service.honoursRoots = true;
  machine = linkedMachine(service.baseUrl);
  other = linkedMachine(service.baseUrl);
  other.setSession('orp-main', { codex_session_id: 'codex-other' });
  machine.setSession('orp-side', { codex_session_id: 'codex-side' });
});

afterEach(async () => {
  runner?.child.kill('SIGKILL');
  await runner?.ended;
  runner = undefined;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
  other.remove();
});

function start(...words: string[]): OrpProcess {
  const all = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
  runner = startOrp([...all, '--codex-bin', RECIPE_AGENT, '--linked-project-root', other.repo, ...words], {
    cwd: machine.repo,
    env: machine.env,
  });
  return runner;
}

const file = (name: string) => join(machine.home, name);

/** A job whose agent says `ready-<id>` and waits for `go-<id>`. */
function add(id: string, place: 'main' | 'side' | 'other'): FakeJob {
  const payload = {
    main: { projectRoot: machine.repo },
    side: { projectRoot: machine.repo, orpSessionId: 'orp-side', codexSessionId: 'codex-side' },
    other: { projectRoot: other.repo, orpSessionId: 'orp-main', codexSessionId: 'codex-other' },
  }[place];
  return service.addJob(id, { ready: file(`ready-${id}`), waitFor: file(`go-${id}`), say: id }, { payload });
}

const isReady = (id: string) => existsSync(file(`ready-${id}`));
const letGo = (id: string) => writeFileSync(file(`go-${id}`), '');

function runtime(repo = machine.repo) {
  return JSON.parse(readFileSync(join(repo, '.git/orp/link/runtime.json'), 'utf8'));
}

function pollsAfter(count: number) {
  return service.requests.slice(count).filter(({ route }) => route === 'poll');
}

describe('a runner with --all-linked', () => {
  it('says what to do when nothing is linked, and knows what was worked in before', async () => {
    const words = ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT];
    const at = { cwd: machine.home, env: machine.env };
    const nothing = await startOrp([...words, '--all-linked'], at).ended;
    expect([nothing.code, nothing.stdout]).toEqual([2, '']);
    expect(nothing.stderr).toContain(
      'error: No repository is linked on this machine.\nhint: Run `orp link project',
    );
    await startOrp(words, { ...at, cwd: machine.repo }).ended;
    expect((await startOrp([...words, '--all-linked'], at).ended).code).toBe(0);
  });

  it('works in every linked repository, also in one that is linked later', async () => {
    await rememberRoot(machine.env, machine.repo);
    const all = ['runner', 'work', '--transport', 'poll', '--poll-interval', '1', '--all-linked'];
    runner = startOrp([...all, '--codex-bin', RECIPE_AGENT], { cwd: machine.home, env: machine.env });
    const one = add('job_1', 'main');
    letGo('job_1');
    await until(() => one.status === 'completed');
    await rememberRoot(machine.env, other.repo);
    const two = add('job_2', 'other');
    letGo('job_2');
    await until(() => two.status === 'completed');
    expect(service.requests.filter(({ route }) => route === 'sync').length).toBeGreaterThan(0);
  });
});

describe('a runner with --max-jobs', () => {
  it('works in several repositories at once, and ends them in any order', async () => {
    const [one, two] = [add('job_1', 'main'), add('job_2', 'other')];
    start('--max-jobs', '2', '--json');
    await until(() => isReady('job_1') && isReady('job_2'));
    expect([runtime().active_job.job_id, runtime(other.repo).active_job.job_id]).toEqual(['job_1', 'job_2']);
    letGo('job_2');
    await until(() => two.status === 'completed');
    expect(one.status).toBe('running');
    letGo('job_1');
    await until(() => one.status === 'completed');

    const ids = () =>
      (runner?.output.stdout ?? '')
        .split('\n')
        .filter((line) => line.includes('"claimed":true'))
        .map((line) => JSON.parse(line).job.id);
    await until(() => ids().length === 2);
    expect(ids()).toEqual(['job_2', 'job_1']);
    expect([one.starts, two.starts]).toEqual([1, 1]);
  });

  it('asks for no job in a repository where one is at work, and for none when all are', async () => {
    const one = add('job_1', 'main');
    const next = add('job_2', 'side');
    start('--max-jobs', '3');
    await until(() => isReady('job_1'));
    const asked = service.requests.length;
    await until(() => pollsAfter(asked).length >= 2);
    expect(new Set(pollsAfter(asked).flatMap(({ query }) => query.getAll('projectRoot')))).toEqual(
      new Set([other.repo]),
    );
    expect(next.status).toBe('queued');

    const third = add('job_3', 'other');
    await until(() => isReady('job_3'));
    const full = service.requests.length;
    await until(() => service.requests.slice(full).filter(({ route }) => route === 'heartbeat').length >= 4);
    expect(pollsAfter(full)).toEqual([]);
    letGo('job_1');
    await until(() => isReady('job_2'));
    for (const id of ['job_2', 'job_3']) letGo(id);
    await until(() => [one, next, third].every((job) => job.status === 'completed'));
  });

  it('takes no second job when it may work on one', async () => {
    add('job_1', 'main');
    const two = add('job_2', 'other');
    start();
    await until(() => isReady('job_1'));
    const asked = service.requests.length;
    await until(() => service.requests.slice(asked).filter(({ route }) => route === 'heartbeat').length >= 3);
    expect([pollsAfter(asked).length, two.status]).toEqual([0, 'queued']);
  });

  it('works with --parallel-in-repo in two sessions of one repository, and its record stays true', async () => {
    const [one, two] = [add('job_1', 'main'), add('job_2', 'side')];
    start('--max-jobs', '3', '--parallel-in-repo');
    await until(() => isReady('job_1') && isReady('job_2'));
    expect(runtime()).toMatchObject({ status: 'running', active_job: { job_id: 'job_1' } });
    letGo('job_1');
    await until(() => one.status === 'completed' && runtime().last_job.job_id === 'job_1');
    await until(() => runtime().active_job.job_id === 'job_2' && runtime().status === 'running');
    expect(runtime().last_job.status).toBe('completed');
    const again = add('job_3', 'main');
    await until(() => isReady('job_3'));
    expect(runtime().active_job.job_id).toBe('job_2');
    letGo('job_3');
    await until(() => again.status === 'completed' && runtime().last_job.job_id === 'job_3');
    expect(runtime().active_job).toMatchObject({ job_id: 'job_2', status: 'running' });
    letGo('job_2');
    await until(() => two.status === 'completed');
    await until(() => runtime().status === 'idle');
    expect(runtime().active_job.job_id ?? '').toBe('');
  });

  it('never runs two jobs in one agent session, even when both are handed out', async () => {
    machine.setSession('orp-twin', { codex_session_id: 'codex-1' });
    const one = add('job_1', 'main');
    const payload = { projectRoot: machine.repo, orpSessionId: 'orp-twin', codexSessionId: 'codex-1' };
    const recipe = { ready: file('ready-job_2'), say: 'second' };
    const two = service.addJob('job_2', recipe, { payload });
    start('--max-jobs', '3', '--parallel-in-repo');
    await until(() => isReady('job_1') && two.status === 'dispatched');
    const seen = service.requests.length;
    await until(() => service.requests.slice(seen).filter(({ route }) => route === 'heartbeat').length >= 3);
    expect([two.starts, isReady('job_2')]).toEqual([0, false]);
    letGo('job_1');
    await until(() => one.status === 'completed' && two.status === 'completed');
  });

  it('stops only the agent of the job that was cancelled', async () => {
    const [one, two] = [add('job_1', 'main'), add('job_2', 'other')];
    start('--max-jobs', '2');
    await until(() => isReady('job_1') && isReady('job_2'));
    service.cancel(one);
    await until(() => one.receipts.length === 1);
    letGo('job_2');
    await until(() => two.status === 'completed');
    expect(two.receipts).toEqual([]);
  });

  it('finishes all its jobs after the first signal, and says which', async () => {
    const [one, two] = [add('job_1', 'main'), add('job_2', 'other')];
    const at = start('--max-jobs', '3');
    await until(() => isReady('job_1') && isReady('job_2'));
    at.child.kill('SIGTERM');
    await until(() => at.output.stderr.includes('Finishing 2 jobs (job_1, job_2), then exiting'));
    for (const id of ['job_1', 'job_2']) letGo(id);

    expect((await at.ended).code).toBe(0);
    expect([one.status, two.status]).toEqual(['completed', 'completed']);
  });

  it('stops all its agents after the second signal, and reports each', async () => {
    const [one, two] = [add('job_1', 'main'), add('job_2', 'other')];
    const at = start('--max-jobs', '3');
    await until(() => isReady('job_1') && isReady('job_2'));
    at.child.kill('SIGINT');
    await until(() => at.output.stderr.includes('Finishing 2 jobs'));
    at.child.kill('SIGINT');

    expect((await at.ended).code).toBe(130);
    expect([one.completions.length, two.completions.length]).toEqual([1, 1]);
  });
});
