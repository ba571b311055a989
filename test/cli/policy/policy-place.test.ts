/** The folder that the rules judge is the one that the agent is started in, whatever happens to its path meanwhile. */

import { existsSync, mkdirSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inspectRoots } from '../../../cli/records/sync-payload.ts';
import { jobAtPlace } from '../../../cli/runner/agent-run/policy-gate.ts';
import type { JobGate } from '../../../cli/runner/job/work-context.ts';
import { jobRuns } from '../../../cli/runner/job-run/job-run.ts';
import { DrainSwitch } from '../../../cli/runner/loop/drain-switch.ts';
import { type RecoveryHost, SpoolRecovery } from '../../../cli/runner/loop/spool-recovery.ts';
import { WorkLoop } from '../../../cli/runner/loop/work-loop.ts';
import { FakeService } from '../runner/fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../runner/linked-machine.ts';
import { runnerContext } from '../runner/runner-context.ts';

let service: FakeService;
let machine: LinkedMachine;
let judged: string[];
let inside: string;
let outside: string;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  judged = [];
  inside = join(machine.repo, 'inside');
  outside = join(machine.repo, 'outside');
  for (const folder of [inside, outside]) mkdirSync(folder);
});

afterEach(async () => {
  await service.close();
  machine.remove();
});

/** Works one job in a session of this folder; while the rules let it pass, somebody does something. */
async function workIn(folder: string, meanwhile: () => void): Promise<void> {
  machine.setSession('orp-main', { project_root: folder });
  const context = runnerContext({ machine, baseUrl: service.baseUrl, startTime: 'first' });
  const gate: JobGate = async (job, placement) => {
    judged.push(jobAtPlace(job, placement).cwd);
    meanwhile();
    return { kind: 'passed', limits: { settings: {} } };
  };
  const repository = { env: machine.env, now: Date.now(), roots: [machine.repo], email: '' };
  const [found] = await inspectRoots(repository);
  if (found?.kind !== 'linked') throw new Error('not linked');
  const plan = {
    findCandidates: () => inspectRoots(repository),
    defaultRoot: machine.repo,
    runJob: jobRuns(
      { ...context, gate },
      { root: machine.repo, fallbackRepository: found.linked.repository },
    ),
    rules: { maxJobs: 1, parallelInRepo: false },
    makeRecovery: (host: RecoveryHost) => new SpoolRecovery(context, host),
  };
  await new WorkLoop({ ...context, gate }, plan, new DrainSwitch(context.reporter)).once(false);
}

it('a link that changes after it was read redirects neither the rules nor the agent', async () => {
  const link = join(machine.repo, 'link');
  symlinkSync(inside, link);
  const job = service.addJob('job_1', { ready: 'was-here', say: 'Done.' });
  await workIn(link, () => {
    rmSync(link);
    symlinkSync(outside, link);
  });

  expect(judged).toEqual([inside]);
  expect(job.status).toBe('completed');
  expect(existsSync(join(inside, 'was-here'))).toBe(true);
  expect(existsSync(join(outside, 'was-here'))).toBe(false);
});

it('no agent is started in a folder that has become a link', async () => {
  const job = service.addJob('job_1', { ready: 'was-here', say: 'Done.' });
  await workIn(inside, () => {
    rmdirSync(inside);
    symlinkSync(outside, inside);
  });

  expect(job.completions).toEqual([
    expect.objectContaining({ success: false, error: expect.stringContaining(`${inside} leads elsewhere`) }),
  ]);
  expect(existsSync(join(outside, 'was-here'))).toBe(false);
});
