/** A kind that was added to the table: the runner announces it, works on it and summarises it as its row says. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CAPABILITIES } from '../../../../spec/capabilities.ts';
import { JOB_KINDS, type JobKind, KINDS, type KindRules } from '../../../../spec/job/kinds.ts';
import { FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { orpInProcess } from '../orp-in-process.ts';
import { RECIPE_AGENT } from '../orp-process.ts';

const table: Record<string, KindRules> = KINDS;
const AUDIT = 'idea.audit' as JobKind;

let service: FakeService;
let machine: LinkedMachine;

beforeEach(async () => {
  table[AUDIT] = {
    noun: 'audit',
    onLeaseLoss: 'requeue',
    composedBy: 'server',
    completion: 'answer',
    summary: 'sections',
  };
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
});

afterEach(async () => {
  delete table[AUDIT];
  await service.close();
  machine.remove();
});

const work = () => orpInProcess(machine, ['runner', 'work', '--once', '--codex-bin', RECIPE_AGENT]);
const announced = () => service.requests.find(({ route }) => route === 'poll')?.body.kinds;

describe('a kind of job that was added to the table', () => {
  it('is announced with every claim, and its answer is summarised as its row says', async () => {
    const say = 'Here it is.\n\n## Current state\n\nAll gauges agree.\n';
    const job = service.addJob('job_1', { say }, { kind: AUDIT });
    expect((await work()).code).toBe(0);
    expect(announced()).toEqual([...JOB_KINDS, AUDIT]);
    expect(job.completions).toMatchObject([{ success: true, summary: 'All gauges agree.' }]);
  });

  it('is not announced to a server that does not ask for it', async () => {
    service.announced = CAPABILITIES.filter((name) => name !== 'abilities');
    service.addJob('job_1', { say: 'Seven.' });
    expect((await work()).code).toBe(0);
    expect(announced()).toBeUndefined();
  });
});

describe('a kind of job that is not in the table', () => {
  it('never reaches the agent: the job fails, and says which kind the runner does not know', async () => {
    const file = join(machine.home, 'agent-ran');
    const job = service.addJob('job_1', { journal: file, say: 'Tea.' }, { kind: 'tea.make' });
    expect((await work()).code).toBe(1);
    expect(job.completions).toMatchObject([
      {
        success: false,
        failureKind: 'unsupported_kind',
        error: 'This runner does not know jobs of kind "tea.make".',
      },
    ]);
    expect(existsSync(file)).toBe(false);
  });
});
