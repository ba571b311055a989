/** A session of another agent takes work only from runners that announce this agent. */

import { describe, expect, it } from 'vitest';
import { claimJob, pollJob, syncMachine } from '../../../spec/contract/runner.ts';
import { accepts, send } from '../harness/call.ts';
import { eventually } from '../harness/eventually.ts';
import { aMachine, aPrompt, type Machine, poll, show, syncBody } from '../harness/machines.ts';

const ECHO = { orpSessionId: 'orp-echo', codexSessionId: 'echo-1', primary: true };

/** A machine with one session, which belongs to the agent `echo`. */
async function anEchoMachine(): Promise<Machine> {
  const machine = await aMachine({ sessions: [] });
  await syncEcho(machine, 'echo');
  return machine;
}

function syncEcho(machine: Machine, agent: string) {
  const body = syncBody(machine, [{ ...ECHO, codexSessionId: `echo-${machine.machineId}` }]);
  const sessions = body.sessions.map((session) => ({ ...session, agent }));
  return send(syncMachine, { as: machine.owner, body: { ...body, sessions } });
}

function ask({ owner, machineId }: Machine, agents?: string[]) {
  return accepts(claimJob, { as: owner, body: { machineId, claimId: crypto.randomUUID(), agents } });
}

describe('a session of another agent', () => {
  it('takes no job from a runner that does not announce the agent, and the job says why', async () => {
    const machine = await anEchoMachine();
    const jobId = await aPrompt(machine);
    expect((await poll(machine)).job).toBeNull();
    expect((await ask(machine, ['codex'])).job).toBeNull();
    expect((await show(machine.owner, jobId)).waiting).toMatchObject({
      code: 'no_session',
      message:
        'Session orp-echo is a session of the agent echo, which no runner there drives. Update orp there and restart the runner.',
    });
  });

  it('says so of the session that a job names', async () => {
    const machine = await anEchoMachine();
    const jobId = await aPrompt(machine, { orpSessionId: 'orp-echo', sessionFallback: 'none' });
    const { waiting } = await show(machine.owner, jobId);
    expect(waiting?.code).toBe('no_session');
    expect(waiting?.message).toContain('Session orp-echo is a session of the agent echo');
  });

  it('takes jobs from a runner that announces the agent, under the id that the agent knows', async () => {
    const machine = await anEchoMachine();
    const jobId = await aPrompt(machine);
    expect((await ask(machine)).job).toBeNull();
    const { job } = await ask(machine, ['codex', 'echo']);
    expect(job).toMatchObject({ id: jobId, payload: { codexSessionId: `echo-${machine.machineId}` } });
  });

  it('can be announced in the URL of a poll, too', async () => {
    const machine = await anEchoMachine();
    const jobId = await aPrompt(machine);
    const query = { machineId: machine.machineId, agents: 'codex,echo' };
    expect((await accepts(pollJob, { as: machine.owner, query })).job?.id).toBe(jobId);
  });

  it('counts for the next job once its runner has announced the agent', async () => {
    const machine = await anEchoMachine();
    await ask(machine, ['codex', 'echo']);
    const jobId = await aPrompt(machine);
    await eventually(async () => expect((await show(machine.owner, jobId)).waiting?.code).toBe('next_poll'));
  });

  it('keeps a job that names it from a fallback on a machine of the same account', async () => {
    const echo = await anEchoMachine();
    await ask(echo, ['codex', 'echo']);
    const other = await aMachine({ owner: echo.owner, ideaId: echo.ideaId });
    const jobId = await aPrompt(echo, { orpSessionId: 'orp-echo' });
    await eventually(async () => expect((await show(echo.owner, jobId)).waiting?.code).toBe('next_poll'));
    expect((await ask(other)).job).toBeNull();
    expect((await ask(echo, ['codex', 'echo'])).job?.id).toBe(jobId);
  });

  it('is refused under a name that no agent can have', async () => {
    const answer = await syncEcho(await aMachine(), '../echo');
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('agent');
  });
});
