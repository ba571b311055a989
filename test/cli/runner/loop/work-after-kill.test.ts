import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { isAlive, until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
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

const WORDS = ['runner', 'work', '--once', '--heartbeat-interval', '1', '--codex-bin', RECIPE_AGENT];

function at() {
  return { cwd: machine.repo, env: machine.env };
}

function path(name: string): string {
  return join(machine.home, name);
}

/** Starts a runner, and kills it when the agent is at work on the recipe. */
async function killAtWork(job: FakeJob): Promise<number> {
  const runner = startOrp(WORDS, at());
  runners.push(runner);
  await until(() => existsSync(path('ready')) && readFileSync(path('ready'), 'utf8') !== '');
  await until(() => readFileSync(join(spool(), 'journal.jsonl'), 'utf8').includes('"spawned"'));
  expect(job.status).toBe('running');
  runner.child.kill('SIGKILL');
  await runner.ended;
  return Number(readFileSync(path('ready'), 'utf8'));
}

function spool(): string {
  return path('state/orp/spool/mach-1/lea_1');
}

/** Files and folders of the machine that only a runner at work may have. */
function leftovers(): string[] {
  const all = readdirSync(machine.home, { recursive: true, encoding: 'utf8' });
  return all.filter((name) => /(?:^|\/)(?:lea_1|answer-[^/]*|[^/]*\.lock|[^/]*\.tmp)$/.test(name));
}

describe('after a runner was killed, the next one', () => {
  it('reports that the end of an agent is unknown, and delivers its answer byte for byte', async () => {
    const answer = 'Half or whole?\n\n  ✓ – nobody knows.\n';
    const recipe = {
      journal: path('journal'),
      ready: path('ready'),
      deaf: true,
      waitFor: path('go'),
      say: answer,
    };
    const job = service.addJob('job_1', recipe);
    const agent = await killAtWork(job);
    writeFileSync(path('go'), '');
    await until(async () => !(await isAlive(agent)));
    const { code } = await runOrp(WORDS, at());

    expect(code).toBe(0);
    expect(job.completions).toHaveLength(1);
    expect(job.completions[0]).toMatchObject({ success: false, content: answer, leaseId: 'lea_1' });
    expect(job.completions[0]?.error).toContain('left an answer and ended unseen');
    expect(readFileSync(path('journal'), 'utf8').match(/start/g)).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });

  it('completes a job whose agent had ended successfully before the runner was killed', async () => {
    const answer = '# Grid\n\nThe grid is ready.\n';
    const recipe = { ready: path('ready'), deaf: true, waitFor: path('go'), say: answer };
    const job = service.addJob('job_1', recipe);
    const agent = await killAtWork(job);
    writeFileSync(path('go'), '');
    await until(async () => !(await isAlive(agent)));
    const ended = { record: 'ended', at_utc: '2026-04-01T10:00:00Z', exit_code: 0, was_stopped: false };
    appendFileSync(join(spool(), 'journal.jsonl'), `${JSON.stringify(ended)}\n`);
    await runOrp(WORDS, at());

    expect(job.completions).toEqual([
      expect.objectContaining({ success: true, content: answer, summary: 'The grid is ready.' }),
    ]);
  });

  it('ends a process that the agent left in another session, although the agent has ended', async () => {
    const recipe = { journal: path('journal'), ready: path('ready'), child: 'leave', ignore: ['SIGINT'] };
    const job = service.addJob('job_1', { ...recipe, deaf: true, waitFor: path('go') });
    const agent = await killAtWork(job);
    const child = Number(/child (\d+)/.exec(readFileSync(path('journal'), 'utf8'))?.[1]);
    writeFileSync(path('go'), '');
    await until(async () => !(await isAlive(agent)));
    expect(await isAlive(child)).toBe(true);
    await runOrp(WORDS, at());

    expect(await isAlive(child)).toBe(false);
    expect(job.completions[0]?.error).toContain('1 ended by SIGTERM');
    expect(leftovers()).toEqual([]);
  });

  it('finds the agent although the runner could not record its process', async () => {
    const job = service.addJob('job_1', { ready: path('ready'), hang: true });
    const agent = await killAtWork(job);
    const journal = join(spool(), 'journal.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    writeFileSync(
      journal,
      `${lines.filter((line) => !line.includes('"spawned"')).join('\n')}{"record":"spaw`,
    );
    await runOrp(WORDS, at());

    expect(await isAlive(agent)).toBe(false);
    expect(job.completions[0]?.error).toContain('It was still running and was stopped (1 ended by SIGINT)');
  });

  it('keeps its findings during an outage of the server', async () => {
    const job = service.addJob('job_1', { ready: path('ready'), hang: true });
    const agent = await killAtWork(job);
    service.isDown = true;
    await runOrp(WORDS, at());
    expect(await isAlive(agent)).toBe(false);
    service.isDown = false;
    await runOrp(WORDS, at());

    expect(job.completions).toHaveLength(1);
    expect(job.completions[0]?.error).toContain('It was still running and was stopped (1 ended by SIGINT)');
    expect(leftovers()).toEqual([]);
  });

  it('sends no signal to another process that has the pid of the agent', async () => {
    const job = service.addJob('job_1', { ready: path('ready'), hang: true });
    const stranger = await killAtWork(job);
    const journal = join(spool(), 'journal.jsonl');
    const changed = readFileSync(journal, 'utf8')
      .replace(/("record":"spawned".*"start_time":")[^"]*/, '$1another boot/1')
      .replace(/"tag":"[^"]*"/, '"tag":"another"');
    writeFileSync(journal, changed);
    await runOrp(WORDS, at());

    expect(await isAlive(stranger)).toBe(true);
    expect(job.completions[0]?.error).toMatch(/what the agent did is unknown\.$/);
  });

  it('treats a damaged result as missing, and zeros in the transcript as a gap', async () => {
    const job = service.addJob('job_1', { ready: path('ready'), raw: ['before'], hang: true });
    await killAtWork(job);
    writeFileSync(join(spool(), 'result.json'), '{"outcome":"completed","finished_at');
    writeFileSync(join(spool(), 'chunks.jsonl'), Buffer.alloc(5000));
    await runOrp(WORDS, at());

    expect(job.completions).toHaveLength(1);
    expect(job.completions[0]).toMatchObject({ success: false });
    expect(leftovers()).toEqual([]);
  });

  it('moves aside a spool with an unreadable journal, and continues', async () => {
    const first = service.addJob('job_1', { ready: path('ready'), hang: true });
    await killAtWork(first);
    writeFileSync(join(spool(), 'journal.jsonl'), '\0\0\0\0');
    const next = service.addJob('job_2', { say: 'next' });
    const { stderr } = await runOrp(WORDS, at());

    expect(stderr).toContain(`put aside: ${path('state/orp/kept/lea_1')}`);
    expect(next.status).toBe('completed');
    expect(first.completions).toEqual([]);
  });
});
