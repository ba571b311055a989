import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChildOutput, type RunningChild, startChild } from '../../../../cli/runner/process/child.ts';
import { ProcessFamily } from '../../../../cli/runner/process/family.ts';
import {
  findProcess,
  isStillRunning,
  type ProcessMark,
} from '../../../../cli/runner/process/process-table.ts';
import { stopFamily } from '../../../../cli/runner/process/terminate.ts';
import { fileExists, isAlive, until } from '../job/conditions.ts';
import { FakePs } from './fake-ps.ts';

const AGENT = join(import.meta.dirname, 'recipe-agent.mjs');
const SHORT_GRACES = { interruptMs: 400, terminateMs: 400 };

const ignore = () => undefined;
const IGNORED: ChildOutput = { stdout: ignore, stderr: ignore };

let folder: string;
let running: RunningChild[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orp-child-'));
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((child) => child.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(
  recipe: object,
  output: ChildOutput = IGNORED,
  tag: string = randomUUID(),
): Promise<RunningChild> {
  const input = JSON.stringify({ journal: join(folder, 'journal'), ready: join(folder, 'ready'), ...recipe });
  const args = [AGENT, '--output-last-message', join(folder, 'answer'), 'session-1', '-'];
  const plan = { command: process.execPath, args, cwd: folder, env: process.env, input, tag };
  const started = await startChild(plan, output, SHORT_GRACES);
  if (started.kind === 'refused') throw new Error(started.message);
  running.push(started.child);
  return started.child;
}

async function childPid(): Promise<number> {
  const journal = await readFile(join(folder, 'journal'), 'utf8');
  return Number(/child (\d+)/.exec(journal)?.[1]);
}

describe('an agent process', () => {
  it('gets the prompt on stdin and ends with its exit code', async () => {
    let out = '';
    const child = await start(
      { say: 'hello', exit: 3 },
      {
        stdout: (bytes) => {
          out += Buffer.from(bytes).toString();
        },
        stderr: ignore,
      },
    );

    expect(await child.ended).toEqual({ exitCode: 3, signal: null });
    expect(out).toContain('hello');
    expect(await readFile(join(folder, 'answer'), 'utf8')).toBe('hello');
  });

  it('is refused with the reason when it cannot be started', async () => {
    const plan = { command: join(folder, 'nothing'), args: [], cwd: folder, env: {}, input: '', tag: 't' };

    expect(await startChild(plan, IGNORED)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('continues if the agent closes stdin before it has read the prompt', async () => {
    const plan = {
      command: process.execPath,
      args: ['-e', 'process.stdin.destroy(); process.exit(0)'],
      cwd: folder,
      env: process.env,
      input: 'x'.repeat(4 * 1024 * 1024),
      tag: randomUUID(),
    };
    const started = await startChild(plan, IGNORED);

    expect(started.kind === 'running' && (await started.child.ended)).toEqual({ exitCode: 0, signal: null });
  });

  it('prints 200 MB through bounded memory', async () => {
    let bytes = 0;
    const size = 200 * 1024 * 1024;
    const before = process.memoryUsage().rss;
    const child = await start(
      { flood: size },
      {
        stdout: (chunk) => {
          bytes += chunk.length;
        },
        stderr: ignore,
      },
    );
    await child.ended;

    expect(bytes).toBeGreaterThan(size);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('waits for a slow reader', async () => {
    let waiting = 0;
    let most = 0;
    const child = await start(
      { flood: 3 * 1024 * 1024 },
      {
        async stdout() {
          waiting += 1;
          most = Math.max(most, waiting);
          await new Promise((later) => setImmediate(later));
          waiting -= 1;
        },
        stderr: ignore,
      },
    );
    await child.ended;

    expect(most).toBe(1);
  });

  it('is marked by pid and start time, so that a recycled pid is no match', async () => {
    const child = await start({ hang: true });
    const mark = child.mark as ProcessMark;

    expect(await isStillRunning(mark)).toBe(true);
    expect(await isStillRunning({ ...mark, startTime: 'another' })).toBe(false);
    expect((await findProcess(mark.pid))?.groupId).toBe(mark.pid);
    await child.stop();
    expect(await isStillRunning(mark)).toBe(false);
  });
});

describe('stopping with increasingly strong signals', () => {
  it('sends only an interrupt to an agent that obeys it', async () => {
    const child = await start({ hang: true });
    await fileExists(join(folder, 'ready'));

    expect(await child.stop()).toMatchObject({ processes: 1, signal: 'SIGINT' });
    expect(await child.ended).toEqual({ exitCode: null, signal: 'SIGINT' });
  });

  it('terminates an agent that ignores interrupts', async () => {
    const child = await start({ hang: true, ignore: ['SIGINT'] });
    await fileExists(join(folder, 'ready'));

    expect(await child.stop()).toMatchObject({ processes: 1, signal: 'SIGTERM' });
  });

  it('kills an agent and its child that ignore everything else', async () => {
    const child = await start({ hang: true, child: 'hold', ignore: ['SIGINT', 'SIGTERM'] });
    await fileExists(join(folder, 'ready'));
    const grandchild = await childPid();

    const receipt = await child.stop();

    expect(receipt).toMatchObject({ processes: 2, signal: 'SIGKILL' });
    expect(receipt.tookMs).toBeGreaterThanOrEqual(800);
    expect(await isAlive(child.mark.pid)).toBe(false);
    expect(await isAlive(grandchild)).toBe(false);
  });

  it('ends a descendant that started its own session', async () => {
    const child = await start({ hang: true, child: 'leave' });
    await fileExists(join(folder, 'ready'));
    const grandchild = await childPid();

    expect(await child.stop()).toMatchObject({ processes: 2, signal: 'SIGINT' });
    expect(await isAlive(grandchild)).toBe(false);
  });

  it('does nothing after the end, and may be called twice', async () => {
    const child = await start({ say: 'done' });
    await child.ended;

    expect(await child.stop()).toMatchObject({ processes: 0, signal: 'none' });
    expect(await child.stop()).toMatchObject({ processes: 0, signal: 'none' });
  });
});

describe('while the process list cannot be read', () => {
  it('stops an agent with its process group, and does not wait for other processes', async () => {
    using ps = new FakePs(folder);
    const child = await start({ hang: true, child: 'hold', ignore: ['SIGINT', 'SIGTERM'] });
    await fileExists(join(folder, 'ready'));
    const grandchild = await childPid();
    ps.become('failing');

    expect(await child.stop()).toMatchObject({ left: 0, signal: 'SIGKILL' });
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    ps.become('true');
    expect(await isAlive(child.mark.pid)).toBe(false);
    expect(await isAlive(grandchild)).toBe(false);
  });

  it('reports the exit code of an agent that ends by itself', async () => {
    using _ps = new FakePs(folder, 'failing');
    const child = await start({ say: 'done', exit: 3 });

    expect(await child.ended).toEqual({ exitCode: 3, signal: null });
  });

  it('starts an agent, and identifies it as soon as the process list can be read', async () => {
    using ps = new FakePs(folder, 'failing');
    const child = await start({ hang: true, child: 'leave' }, IGNORED, 'no tag that anybody shows');
    expect(child.mark.startTime).toBeUndefined();
    await fileExists(join(folder, 'ready'));
    ps.become('true');

    expect(await child.stop()).toMatchObject({ processes: 2, left: 0, signal: 'SIGINT' });
    expect(await isAlive(await childPid())).toBe(false);
  });
});

describe('a child that still runs after the agent has ended', () => {
  it('is ended although it keeps the pipe open', async () => {
    const child = await start({ child: 'hold', say: 'done' });
    const end = await child.ended;

    expect(end).toMatchObject({ exitCode: 0, leftovers: { processes: 1, signal: 'SIGINT' } });
    expect(await isAlive(await childPid())).toBe(false);
  });

  it('is found by its tag and ended although it left the process group unnoticed', async () => {
    const child = await start({ child: 'leave', say: 'done' });
    const end = await child.ended;

    expect(end).toMatchObject({ exitCode: 0, leftovers: { processes: 1, left: 0 } });
    expect(await isAlive(await childPid())).toBe(false);
  });

  it('does not block the runner if it left the process group and removed its tag', async () => {
    const child = await start({ child: 'vanish', say: 'done' });
    const end = await child.ended;
    const grandchild = await childPid();

    expect(end).toEqual({ exitCode: 0, signal: null });
    process.kill(grandchild, 'SIGKILL');
  });
});

describe('the family of an agent of an earlier runner', () => {
  it('is found by its tag alone, in any session', async () => {
    const child = await start({ hang: true, child: 'leave' }, IGNORED, 'tag-1');
    await fileExists(join(folder, 'ready'));
    const family = ProcessFamily.found({ tag: 'tag-1' });
    const pids = (await family.findLiving()).map(({ pid }) => pid).sort();

    expect(pids).toEqual([child.mark.pid, await childPid()].sort());
  });

  it('includes the rest of the process group after its leader has ended', async () => {
    const child = await start({ child: 'hold', waitFor: join(folder, 'go') }, IGNORED, 'tag-2');
    await fileExists(join(folder, 'ready'));
    const grandchild = await childPid();
    process.kill(child.mark.pid, 'SIGKILL');
    await until(async () => !(await isAlive(child.mark.pid)));
    const family = ProcessFamily.found({ leader: child.mark, tag: 'tag-2' });

    expect((await family.findLiving()).map(({ pid }) => pid)).toEqual([grandchild]);
  });

  it('is empty if the pid now belongs to another process, and no process gets a signal', async () => {
    const stranger = await start({ hang: true });
    await fileExists(join(folder, 'ready'));
    const recycled = { leader: { pid: stranger.mark.pid, startTime: 'of an earlier process' }, tag: 'gone' };

    expect(await stopFamily(ProcessFamily.found(recycled), SHORT_GRACES)).toMatchObject({
      processes: 0,
      signal: 'none',
    });
    expect(await isAlive(stranger.mark.pid)).toBe(true);
  });

  it('is empty if nothing proves that the process group with this id belongs to the agent', async () => {
    const stranger = await start({ child: 'hold', waitFor: join(folder, 'go') });
    await fileExists(join(folder, 'ready'));
    process.kill(stranger.mark.pid, 'SIGKILL');
    await until(async () => !(await isAlive(stranger.mark.pid)));

    expect(await ProcessFamily.found({ leader: stranger.mark, tag: 'another' }).findLiving()).toEqual([]);
  });
});
