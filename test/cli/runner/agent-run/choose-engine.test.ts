/** What the transcript of a session shows decides whether a prompt is entered. */

import { describe, expect, it } from 'vitest';
import {
  type Agent,
  type AgentSession,
  CAPABILITIES,
  type Capability,
  type EnteredTurn,
  type SessionOpening,
} from '../../../../cli/agents/agent.ts';
import { chooseEngine, type EngineChoice } from '../../../../cli/runner/agent-run/choose-engine.ts';
import type { ClaimedJob } from '../../../../cli/runner/job/claimed-job.ts';
import type { WorkContext } from '../../../../cli/runner/job/work-context.ts';

const MACHINE = { machine_name: 'workbench' } as WorkContext['machine'];
const TASK = { sessionId: 's', prompt: 'Go.', cwd: '/', folder: '/' };

interface Story {
  opening?: SessionOpening;
  turns?: EnteredTurn[];
  isBusy?: boolean;
  isUnread?: boolean;
  isPending?: boolean;
  capabilities?: Capability[];
  earlierLeases?: string[];
}

/** Chooses for job `job_1` under lease `lea_2`, and tells what happened to the session. */
async function choose(story: Story): Promise<{ choice: EngineChoice; closed: number }> {
  let closed = 0;
  const session: AgentSession = {
    how: 'own_server',
    isBusy: story.isBusy ?? false,
    find: async (markers) => {
      if (story.isUnread) return { kind: 'unread' };
      if (story.isPending) return { kind: 'pending', turnId: 't', isJoined: true };
      const found = story.turns?.find(({ marker }) => markers.includes(marker));
      return found === undefined ? { kind: 'none' } : { kind: 'found', turn: found };
    },
    enter: async () => ({ kind: 'entered', turnId: 't' }),
    follow: async () => ({ kind: 'lost' }),
    interrupt: async () => undefined,
    steer: async () => ({ kind: 'taken' }),
    listenToAsks: () => () => undefined,
    answer: () => false,
    close: async () => {
      closed += 1;
    },
  };
  const agent = {
    name: 'Codex',
    prepare: async () => ({ kind: 'refused', message: 'as a process' }),
    sessions: {
      capabilities: new Set(story.capabilities ?? CAPABILITIES),
      open: async () => story.opening ?? { kind: 'open', session },
    },
  } as unknown as Agent;
  const job = {
    id: 'job_1',
    kind: 'session.prompt',
    prompt: 'Go.',
    earlierLeases: story.earlierLeases,
  } as ClaimedJob;
  const choice = await chooseEngine(
    { machine: MACHINE, agents: { find: async () => agent } },
    { agent, agentName: undefined, task: TASK, job, leaseId: 'lea_2' },
  );
  return { choice, closed };
}

function turn(leaseId: string, status: EnteredTurn['status'], answer?: string): EnteredTurn {
  return { turnId: `turn of ${leaseId}`, marker: `orp:job_1:${leaseId}`, status, answer, error: undefined };
}

describe('a prompt for a session in an agent server', () => {
  it('is entered when no turn carries a marker of its job', async () => {
    const { choice } = await choose({ turns: [turn('lea_0', 'completed', 'Old.')] });
    expect(choice).toMatchObject({ kind: 'engine', engine: { sessionId: 's' } });
  });

  it('that finished under an earlier lease completes with that answer and is not entered again', async () => {
    const story = { turns: [turn('lea_1', 'completed', 'Done.')], earlierLeases: ['lea_1'] };
    const { choice, closed } = await choose(story);
    expect(choice).toMatchObject({ kind: 'result', result: { outcome: 'completed', content: 'Done.' } });
    expect(closed).toBe(1);
  });

  it('that still runs is followed and not entered again', async () => {
    const { choice } = await choose({
      turns: [turn('lea_1', 'running')],
      earlierLeases: ['lea_1'],
      isBusy: true,
    });
    if (choice.kind !== 'engine') throw new Error(choice.kind);
    expect(choice.engine.noteBefore('tag', 90_000)).toMatchObject({
      record: 'entering',
      marker: 'orp:job_1:lea_1',
      limit_ms: 90_000,
    });
  });

  it('that was interrupted says so and is not entered again', async () => {
    const { choice } = await choose({
      turns: [turn('lea_1', 'interrupted', 'Half.')],
      earlierLeases: ['lea_1'],
    });
    expect(choice).toMatchObject({
      kind: 'result',
      result: {
        outcome: 'failed',
        content: 'Half.',
        error: expect.stringMatching(/entered before\. .*interrupted\. Retry the job/),
      },
    });
  });

  it('that a person ordered again is entered again: an order has no earlier leases', async () => {
    const { choice } = await choose({ turns: [turn('lea_1', 'completed', 'Done.')] });
    expect(choice.kind).toBe('engine');
  });

  it('is not entered while the turns of the session are unknown', async () => {
    const { choice, closed } = await choose({ isUnread: true, earlierLeases: ['lea_1'] });
    expect(choice.kind).toBe('unavailable');
    expect(closed).toBe(1);
  });

  it('is not searched for with a driver that keeps no markers', async () => {
    const turns = [turn('lea_1', 'completed', 'Done.')];
    const { choice } = await choose({ turns, earlierLeases: ['lea_1'], capabilities: [] });
    expect(choice.kind).toBe('engine');
  });

  it('waits while a turn runs that may still read it: it was entered under an earlier lease', async () => {
    const { choice, closed } = await choose({ isPending: true, earlierLeases: ['lea_1'] });
    expect(choice).toMatchObject({ kind: 'result', result: { release: { reason: 'session_in_use' } } });
    expect(closed).toBe(1);
  });

  it('waits while somebody else works in the session, and names the machine', async () => {
    const { choice, closed } = await choose({ isBusy: true });
    expect(choice).toMatchObject({
      kind: 'result',
      result: {
        release: { reason: 'session_in_use' },
        error: expect.stringContaining('working in it on workbench'),
      },
    });
    expect(closed).toBe(1);
  });

  it('waits while another program has the session open', async () => {
    const opening = { kind: 'refused', message: 'x', reading: { kind: 'session_in_use' } } as const;
    const { choice } = await choose({ opening });
    expect(choice).toMatchObject({ kind: 'result', result: { release: { reason: 'session_in_use' } } });
  });

  it('fails when the session does not exist, and says what to register', async () => {
    const opening = { kind: 'refused', message: 'no rollout', reading: { kind: 'session_missing' } } as const;
    const { choice } = await choose({ opening });
    expect(choice).toMatchObject({
      kind: 'result',
      result: {
        failure_kind: 'session_missing',
        error:
          'Codex could not open the session: no rollout. Register the session again with orp link session register, and run orp runner sync there. Then retry the job.',
      },
    });
  });

  it('runs as a process where there is no server', async () => {
    const { choice } = await choose({ opening: { kind: 'no_server', why: 'too old' } });
    expect(choice).toEqual({ kind: 'refused', message: 'as a process' });
  });
});
