/** The pool of jobs at work: how a job leaves it that cannot even begin. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { placeJob } from '../../../../cli/runner/job/workplace.ts';
import { JobPool } from '../../../../cli/runner/loop/job-pool.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { runnerContext } from '../runner-context.ts';

const AWAY = 'http://127.0.0.1:9';

let machine: LinkedMachine;

beforeEach(() => {
  machine = linkedMachine(AWAY);
});

afterEach(() => machine.remove());

it('a job of which nothing can be written down leaves the pool with the error, which the loop gets once', async () => {
  const spools = join(machine.home, 'state/orp/spool/mach-1');
  mkdirSync(spools, { recursive: true, mode: 0o700 });
  writeFileSync(join(spools, 'lea_1'), 'no folder');
  const context = runnerContext({ machine, baseUrl: AWAY, startTime: 'first' });
  const pool = new JobPool(context, {
    rules: { maxJobs: 1, parallelInRepo: false },
    draining: new AbortController().signal,
  });
  const job = { id: 'job_1', kind: 'session.prompt', attempt: 1, prompt: 'Count.' };
  const claim = { job, raw: {}, lease: { leaseId: 'lea_1' } };
  let hasRun = false;
  const outcome = await pool.work({ claim, placement: placeJob(job, [], machine.repo) }, async () => {
    hasRun = true;
    return { kind: 'put_back' };
  });

  expect([outcome.kind, hasRun, pool.jobs]).toEqual(['could_not_work', false, []]);
  expect(pool.takeFailure()).toBe(outcome);
  expect(pool.takeFailure()).toBeUndefined();
});
