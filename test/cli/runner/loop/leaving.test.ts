/** A runner that is asked to leave while it is about to claim: what it has not begun, it does not begin. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeService, type Route } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { type OrpProcess, RECIPE_AGENT, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

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

/** Starts a runner that is interrupted while its first request of a route waits for an answer. */
function interruptedAt(route: Route, ...words: string[]): OrpProcess {
  const all = ['runner', 'work', '--transport', 'poll', '--codex-bin', RECIPE_AGENT, ...words];
  const started = startOrp(all, { cwd: machine.repo, env: machine.env });
  service.beforeAnswer = (request) => {
    if (request.route !== route) return undefined;
    service.beforeAnswer = undefined;
    started.child.kill('SIGINT');
    return until(() => started.output.stderr.includes('Exiting; no job is running.'));
  };
  runner = started;
  return started;
}

describe.each([
  { words: ['--once'], code: 130 },
  { words: [], code: 0 },
])('orp runner work $words that is interrupted', ({ words, code }) => {
  it('before it has asked for a job, claims none', async () => {
    const job = service.addJob('job_1', { say: 'never' });
    const end = await interruptedAt('heartbeat', ...words).ended;

    expect(end.code).toBe(code);
    expect(job.status).toBe('queued');
    expect(service.callsOf()).not.toContain('poll');
  });

  it('while it asks for one, does not begin it, and puts it back at once', async () => {
    const job = service.addJob('job_1', { say: 'never' });
    const end = await interruptedAt('poll', ...words).ended;

    expect(end.code).toBe(code);
    expect(end.stderr).toContain('Job job_1 was not started and is in the queue again.');
    expect([job.status, job.starts]).toEqual(['queued', 0]);
    expect(job.releases).toEqual([expect.objectContaining({ reason: 'shutting_down' })]);
  });

  it('while it asks for one, lets its lease end where it cannot be put back', async () => {
    const job = service.addJob('job_1', { say: 'never' });
    service.order('release', 'refused');
    const end = await interruptedAt('poll', ...words).ended;

    expect(end.code).toBe(code);
    expect(end.stderr).toContain('Job job_1 was not started; it goes back to the queue when its lease ends.');
    expect([job.status, job.starts]).toEqual(['dispatched', 0]);
  });
});
