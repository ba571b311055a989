/** After a hint of the server, a runner polls at once: the poll is the sign of life, and its answer shows the drain. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { Candidate } from '../../../../cli/records/sync-payload.ts';
import type { JsonBody, Reply } from '../../../../cli/runner/job/hosted-api.ts';
import type { WorkContext } from '../../../../cli/runner/job/work-context.ts';
import { Claimer } from '../../../../cli/runner/loop/claimer.ts';
import { runnerContext } from '../runner-context.ts';

/** The calls of the server, in order. */
let calls: string[] = [];
let answer: JsonBody = {};

beforeEach(() => {
  calls = [];
  answer = { ok: true, job: null, drain: false };
});

const CANDIDATE = {
  kind: 'linked',
  root: '/repo',
  linked: { root: '/repo', link: { project_root: '/repo' }, sessions: [] },
} as unknown as Candidate;

function context(): WorkContext {
  const made = runnerContext({
    machine: { env: {} } as never,
    baseUrl: 'http://server.invalid',
    startTime: 'now',
  });
  const service = {
    ...made.service,
    heartbeat: async () => {
      calls.push('heartbeat');
      return { kind: 'ok' as const, value: { body: { ok: true }, verdict: undefined, drain: false } };
    },
    poll: async (): Promise<Reply<JsonBody>> => {
      calls.push('poll');
      return { kind: 'ok', value: answer };
    },
  };
  return { ...made, service };
}

function claimerOf(work: WorkContext): Claimer {
  return new Claimer(work, {
    findCandidates: async () => [CANDIDATE],
    defaultRoot: '/repo',
    freeAmong: (workplaces) => workplaces,
  });
}

/** A claimer whose first poll was answered. */
async function introduced(work = context()): Promise<Claimer> {
  const claimer = claimerOf(work);
  await claimer.poll(false, true);
  expect(calls).toEqual(['heartbeat', 'poll']);
  calls = [];
  return claimer;
}

describe('a poll after a hint', () => {
  it('sends no heartbeat first where the server counts the poll as a sign of life', async () => {
    const claimer = await introduced();
    expect((await claimer.poll(false, true)).kind).toBe('idle');
    expect(calls).toEqual(['poll']);
  });

  it('reads from its answer that the machine is drained', async () => {
    const claimer = await introduced();
    answer = { ok: true, job: null, drain: true };
    expect((await claimer.poll(false, true)).kind).toBe('draining');
    expect(calls).toEqual(['poll']);
  });

  it('sends the heartbeat to a server that does not count polls, also if it has become such a server', async () => {
    const claimer = await introduced();
    answer = { ok: true, job: null };
    await claimer.poll(false, true);
    await claimer.poll(false, true);
    expect(calls).toEqual(['poll', 'heartbeat', 'poll']);
  });

  it('sends the heartbeat when a pause is over that the server still shows', async () => {
    const claimer = await introduced();
    await claimer.tellPause({ code: 'usage_limited', message: 'Limit.', until: undefined });
    await claimer.tellPause(undefined);
    await claimer.poll(false, true);
    await claimer.poll(false, true);
    expect(calls).toEqual(['heartbeat', 'heartbeat', 'poll', 'poll']);
  });

  it('sends the heartbeat when the pause of the agent has changed since the last one', async () => {
    const work = context();
    const claimer = await introduced(work);
    work.claimPause.meet({ code: 'signed_out', message: 'Sign in.' });
    await claimer.poll(false, true);
    expect(calls).toEqual(['heartbeat', 'poll']);
  });
});

describe('a poll without a hint', () => {
  it('sends the heartbeat, which carries the report of the runner', async () => {
    const claimer = await introduced();
    await claimer.poll();
    expect(calls).toEqual(['heartbeat', 'poll']);
  });
});
