/** Somebody else signs in while a job is at work: what belongs to the first account waits for it. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeService, type Recorded } from '../fake-hosted.ts';
import { isAlive, until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

const PACE = ['--transport', 'poll', '--poll-interval', '1', '--heartbeat-interval', '1'];
const WORK = ['runner', 'work', ...PACE, '--codex-bin', RECIPE_AGENT];

let service: FakeService;
let machine: LinkedMachine;
let runner: OrpProcess | undefined;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
});

afterEach(async () => {
  runner?.child.kill('SIGKILL');
  await runner?.ended;
  endLeftAgents(machine.home);
  await service.close();
  machine.remove();
});

function signIn(email: string): void {
  const path = join(machine.home, 'config/orp/remote-session.json');
  const session = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...session, email, token: `dvt_token-of-${email}` }));
}

function ownCalls(token: string): number {
  const isOwn = ({ jobId, body }: Recorded) => jobId !== undefined || body.jobId !== undefined;
  return service.requests.filter((request) => isOwn(request) && request.token.includes(token)).length;
}

it('delivers once, when the account that claimed the job is signed in again', async () => {
  const ready = join(machine.home, 'ready');
  const go = join(machine.home, 'go');
  const job = service.addJob('job_1', { ready, waitFor: go, say: 'Mine.' });
  runner = startOrp(WORK, { cwd: machine.repo, env: machine.env });
  await until(() => job.status === 'running');
  const agent = await until(() => Number(readIfThere(ready)));

  // Nobody signed out: the first token would still be taken.
  signIn('kai@example.org');
  expect(await isAlive(agent)).toBe(true);
  writeFileSync(go, '');
  await until(async () => !(await isAlive(agent)));
  await until(() => existsSync(join(machine.home, 'state/orp/spool/mach-1/lea_1/result.json')));
  expect(ownCalls('kai')).toBe(0);
  expect(job.completions).toEqual([]);

  signIn('mira@example.org');
  await until(() => job.status === 'completed');
  expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'Mine.' })]);
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
