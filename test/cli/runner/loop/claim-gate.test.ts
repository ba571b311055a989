/** The checks before every claim: what a waiting runner says, and the error that ends a command. */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkContext } from '../../../../cli/runner/job/work-context.ts';
import { ClaimGate } from '../../../../cli/runner/loop/claim-gate.ts';
import { AgentSet } from '../../../../cli/runner/start/work-parts.ts';
import { addEcho, removeEcho } from '../../agents/echo-agent.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { runnerContext } from '../runner-context.ts';

const AWAY = 'http://127.0.0.1:9';
const QUIET = { code: 'quiet_hours', message: 'Quiet hours are now.', isWanted: true } as const;

let machine: LinkedMachine;
let context: WorkContext;

beforeEach(() => {
  machine = linkedMachine(AWAY);
  context = runnerContext({ machine, baseUrl: AWAY, startTime: 'first' });
});

afterEach(() => machine.remove());

interface GateOptions {
  bin?: string;
  isQuiet?: boolean;
  agentsInUse?: string[];
}

function gate({ bin, isQuiet = false, agentsInUse }: GateOptions = {}): ClaimGate {
  const agents = bin === undefined ? context.agents : new AgentSet({ env: machine.env, codex: { bin } });
  const policy = { reasonToWait: () => (isQuiet ? QUIET : undefined) };
  const inUse = agentsInUse && (async () => agentsInUse);
  return new ClaimGate(
    { agents, claimPause: context.claimPause },
    { policy, agentsInUse: inUse, claims: 'reviews' },
  );
}

describe('a claim', () => {
  it('is allowed when the agent is there and no rule forbids it', async () => {
    expect(await gate().check()).toBeUndefined();
  });

  it('waits for an agent that is missing, before any rule is asked', async () => {
    const missing = gate({ bin: join(machine.home, 'no-such-agent'), isQuiet: true });
    expect(await missing.check()).toMatchObject({
      error: { code: 'agent_missing' },
      pause: { code: 'agent_unavailable' },
    });
    // The next check finds the agent again, and the pause of its absence is over.
    expect(await gate().check()).toBeUndefined();
  });

  it('needs only the agents whose sessions can take work, and each of them', async () => {
    addEcho(machine.home);
    const bin = join(machine.home, 'no-such-agent');
    expect(await gate({ bin, agentsInUse: ['echo'] }).check()).toBeUndefined();
    expect(await gate({ bin, agentsInUse: ['echo', 'codex'] }).check()).toMatchObject({
      error: { code: 'agent_missing' },
    });
    removeEcho();
  });

  it('waits at most a minute at a time for an agent that has named a later time', async () => {
    context.claimPause.meet({ code: 'usage_limited', message: 'Limit.', until: Date.now() + 3_600_000 });
    const obstacle = await gate().check();
    expect(obstacle).toMatchObject({
      pauseMs: 60_000,
      error: { code: 'claiming_paused', hint: 'The reviews stay in the queue.' },
    });
    expect(obstacle?.message).toContain('Claiming again at');
  });

  it('waits for the quiet hours of the owner, which are no fault', async () => {
    expect(await gate({ isQuiet: true }).check()).toMatchObject({
      message: QUIET.message,
      isWanted: true,
      pause: { code: 'quiet_hours', message: QUIET.message },
      error: { code: 'claiming_paused', message: QUIET.message },
    });
  });

  it('that is only a dry run needs no agent, and obeys the rules', async () => {
    const bin = join(machine.home, 'no-such-agent');
    expect(await gate({ bin }).check(true)).toBeUndefined();
    expect(await gate({ bin, isQuiet: true }).check(true)).toMatchObject({ message: QUIET.message });
  });
});
