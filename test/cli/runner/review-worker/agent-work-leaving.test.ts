/** `orp agent work` on its older path: what it does not begin when it is asked to leave, and what it leaves to the runner. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, RecordingServer } from '../../recording-server.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let server: RecordingServer;
let machine: LinkedMachine;
let orp: OrpProcess;
let isTaken: boolean;
/** What the service says to an answer. */
let status: number;
let beforeAnswer: (asked: Asked) => Promise<unknown>;

const isLook = ({ path, query }: Asked) => path.endsWith('/agent/jobs/poll') && query.includes('dryRun=1');
const isClaim = ({ path, query }: Asked) => path.endsWith('/agent/jobs/poll') && !query.includes('dryRun=1');
const isAnswer = ({ path }: Asked) => path.endsWith('/respond');

beforeEach(async () => {
  isTaken = false;
  status = 200;
  beforeAnswer = async () => undefined;
  server = await RecordingServer.start(async (asked) => {
    await beforeAnswer(asked);
    const world = { id: 'wor_3', projectRoot: machine.repo, codexSessionId: 'codex-1' };
    const about = { id: 'job_8', kind: 'idea.checkpoint', prompt: 'Review.', checkpoint: { id: 'chk_31' } };
    const job = { ...about, world };
    if (asked.path.endsWith('/runner/jobs/job_8')) {
      return { body: { job: { id: 'job_8', status: 'running', leaseId: 'lea_7', checkpointId: 'chk_31' } } };
    }
    if (/runner\/(heartbeat|jobs\/poll)$/.test(asked.path)) return { body: { ok: true, job: null } };
    if (isAnswer(asked)) return { status, body: { ok: true, id: 'rsp_1' } };
    if (isLook(asked) && !isTaken) return { body: { job, dryRun: true } };
    if (isLook(asked) || isClaim(asked)) {
      if (isTaken) return { body: {} };
    } else return { body: { ok: true, job: null } };
    isTaken = true;
    return { body: { job, leaseId: 'lea_7' } };
  });
  server.announce({ without: ['claim-post'] });
  machine = linkedMachine(server.url);
});

afterEach(async () => {
  orp.child.kill('SIGKILL');
  await orp.ended;
  endLeftAgents(machine.home);
  await server[Symbol.asyncDispose]();
  machine.remove();
});

function start(...words: string[]): void {
  const all = ['agent', 'work', '--agent', 'survey', '--codex-bin', RECIPE_AGENT, ...words];
  orp = startOrp(all, { cwd: machine.repo, env: machine.env });
}

function spools(): string[] {
  const folder = join(machine.home, 'state/orp/spool/agent-work-mach-1');
  return existsSync(folder) ? readdirSync(folder) : [];
}

async function interrupt(): Promise<void> {
  const said = orp.output.stderr.length;
  orp.child.kill('SIGINT');
  await until(() => orp.output.stderr.length > said);
}

/** Ctrl-C before the first of these requests is answered. */
function interruptAt(isMoment: (asked: Asked) => boolean, ...words: string[]) {
  beforeAnswer = async (asked) => {
    if (!isMoment(asked)) return;
    beforeAnswer = async () => undefined;
    await interrupt();
  };
  start(...words);
  return orp.ended;
}

describe.each([
  { words: ['--once'], code: 130 },
  { words: [], code: 0 },
])('orp agent work $words that is interrupted', ({ words, code }) => {
  it('before it has claimed a review, claims none', async () => {
    const end = await interruptAt(isLook, ...words);
    expect(end.code).toBe(code);
    expect(server.asked.filter(isClaim)).toEqual([]);
  });

  it('while it claims one, does not begin it', async () => {
    const end = await interruptAt(isClaim, ...words);
    expect(end.code).toBe(code);
    expect(end.stderr).toContain('Review job_8 was not started; it goes back to the queue.');
    expect([server.asked.filter(isAnswer), spools()]).toEqual([[], []]);
  });

  it('while a review is at work, names it, finishes it and leaves', async () => {
    const end = await interruptAt(isAnswer, ...words);
    expect(end.code).toBe(0);
    expect(end.stderr).toContain('Finishing job job_8, then exiting');
    expect(server.asked.filter(isAnswer)).toHaveLength(1);
  });
});

it('an answer that orp agent work could not deliver is told by the status, and delivered by the runner', async () => {
  status = 503;
  start('--once');
  await until(() => server.asked.some(isAnswer));
  await interrupt();
  await interrupt();
  await orp.ended;
  expect(spools()).toEqual(['lea_7']);
  const at = { cwd: machine.repo, env: machine.env };
  const told = JSON.parse((await runOrp(['runner', 'status', '--json'], at)).stdout);
  expect(told.spool.leases).toBe(1);

  status = 200;
  server.asked.splice(0);
  const words = ['runner', 'work', '--once', '--transport', 'poll', '--codex-bin', RECIPE_AGENT];
  const delivered = await runOrp(words, at);
  expect(delivered.stderr).not.toContain('error:');
  expect(delivered.code).toBe(0);
  expect(server.asked.filter(isAnswer).map(({ body }) => body)).toMatchObject([
    { body: 'You said: Review.', leaseId: 'lea_7' },
  ]);
  expect(spools()).toEqual([]);
});
