/** A second agent is a row of the registry: its sessions are registered, synced and worked like those of Codex. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENTS } from '../../../../cli/agents/registry.ts';
import { sessionFileName } from '../../../../cli/records/sessions/sessions.ts';
import { DRIVERS } from '../../../../cli/runner/start/work-parts.ts';
import { CAPABILITIES } from '../../../../spec/capabilities.ts';
import { addEcho, removeEcho } from '../../agents/echo-agent.ts';
import { FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { orpInProcess } from '../orp-in-process.ts';
import { RECIPE_AGENT } from '../orp-process.ts';

let service: FakeService;
let machine: LinkedMachine;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  addEcho(machine.home);
});

afterEach(async () => {
  removeEcho();
  await service.close();
  machine.remove();
});

const orp = (...words: string[]) => orpInProcess(machine, words);
const work = () => orp('runner', 'work', '--once', '--codex-bin', RECIPE_AGENT);
const register = (...words: string[]) =>
  orp('link', 'session', 'register', '--orp-session-id', 'orp-echo', '--label', 'Echo', ...words);
const registerEcho = (...words: string[]) =>
  register('--agent', 'echo', '--codex-session-id', 'echo-1', ...words);

function recordOf(id: string): Record<string, unknown> {
  const path = join(machine.repo, '.git/orp/link/sessions', sessionFileName(id));
  return JSON.parse(readFileSync(path, 'utf8'));
}

const syncedSessions = () =>
  service.requests.filter(({ route }) => route === 'sync').at(-1)?.body.sessions as object[];

it('has a driver for every agent of the registry', () => {
  expect([...DRIVERS.keys()]).toEqual([...AGENTS.keys()]);
});

describe('a session of a second agent', () => {
  it('works on jobs: the runner announces the agent and picks its driver by the session', async () => {
    await registerEcho();
    const job = service.addJob('job_1', 'Count the gauges.', {
      payload: { orpSessionId: 'orp-echo', codexSessionId: 'echo-1' },
    });
    expect((await work()).code).toBe(0);
    expect(job.completions).toMatchObject([{ success: true, content: 'echo echo-1: Count the gauges.' }]);
    expect(service.requests.find(({ route }) => route === 'poll')?.body.agents).toEqual(['codex', 'echo']);
  });

  it('leaves sessions that name no agent to Codex', async () => {
    await registerEcho();
    const job = service.addJob('job_1', { say: 'Twelve.' });
    expect((await work()).code).toBe(0);
    expect(job.completions).toMatchObject([{ success: true, content: 'Twelve.' }]);
  });

  it('is told to the server with its agent and, as every id of a session, as codexSessionId', async () => {
    await registerEcho();
    await orp('runner', 'sync');
    expect(syncedSessions()).toContainEqual(
      expect.objectContaining({ orpSessionId: 'orp-echo', agent: 'echo', codexSessionId: 'echo-1' }),
    );
  });

  it('is told without an id to a server that knows no agents: it would hand its jobs to any runner', async () => {
    service.announced = CAPABILITIES.filter((name) => name !== 'abilities');
    await registerEcho();
    await orp('runner', 'sync');
    const synced = syncedSessions().find(
      (session) => 'orpSessionId' in session && session.orpSessionId === 'orp-echo',
    );
    expect(synced).toMatchObject({ codexSessionId: null });
    expect(synced).not.toHaveProperty('agent');
  });

  it('has its id where v0.4.4 does not look, and v0.4.4 still reads the rest', async () => {
    await registerEcho('--notes', 'For tests.');
    expect(recordOf('orp-echo')).toMatchObject({
      agent: 'echo',
      agent_session_id: 'echo-1',
      notes: 'For tests.',
    });
    expect(recordOf('orp-echo')).not.toHaveProperty('codex_session_id');
    expect(recordOf('orp-main')).toMatchObject({ codex_session_id: 'codex-1' });
    expect(recordOf('orp-main')).not.toHaveProperty('agent');
  });

  it('keeps its agent when it is registered again, and loses the id when the agent changes', async () => {
    await registerEcho();
    await register();
    expect(recordOf('orp-echo')).toMatchObject({ agent: 'echo', agent_session_id: 'echo-1' });
    await register('--agent', 'codex');
    expect(recordOf('orp-echo')).not.toHaveProperty('agent');
    expect(recordOf('orp-echo')).not.toHaveProperty('codex_session_id');
  });

  it('is refused where the policy sets what the agent cannot obey', async () => {
    await registerEcho();
    const folder = join(machine.home, 'config', 'orp');
    mkdirSync(folder, { recursive: true });
    const policy = { schema_version: '1.0.0', codex_sandbox: 'read-only' };
    writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy), { mode: 0o600 });
    const job = service.addJob('job_1', 'Count.', {
      payload: { orpSessionId: 'orp-echo', codexSessionId: 'echo-1' },
    });
    expect((await work()).code).toBe(1);
    expect(job.completions).toMatchObject([{ success: false, failureKind: 'policy_denied' }]);
  });
});

describe('a session of an agent that this version does not drive', () => {
  beforeEach(async () => {
    await registerEcho('--primary');
    removeEcho();
  });

  it('takes no work, and status and doctor say why', async () => {
    const why =
      'Session orp-echo is a session of the agent echo, which this version of orp does not drive; it cannot take jobs.';
    const { document } = await orp('link', 'status');
    expect(document.warnings).toContain(why);
    expect(document.session_counts).toMatchObject({ total: 2, routeable: 1 });
    const doctor = await orp('link', 'doctor');
    expect(doctor.document.issues).toContainEqual(
      expect.objectContaining({ code: 'unknown_agent', message: why }),
    );
  });

  it('fails a job that names it and no other, without starting Codex in it', async () => {
    const job = service.addJob('job_1', 'Count.', {
      payload: { orpSessionId: 'orp-echo', codexSessionId: 'echo-1' },
      extra: { sessionFallback: 'none' },
    });
    expect((await work()).code).toBe(1);
    expect(job.completions).toMatchObject([{ success: false, failureKind: 'no_session' }]);
    expect(job.completions[0]?.error).toContain('the agent echo');
  });

  it('keeps its record as it is', async () => {
    const before = recordOf('orp-echo');
    await orp('link', 'session', 'set-primary', 'orp-main');
    expect(recordOf('orp-echo')).toEqual({ ...before, primary: false });
  });

  it('cannot be registered: the error lists the agents that there are', async () => {
    const { code, error } = await registerEcho();
    expect(code).toBe(2);
    expect(error?.message).toBe('--agent "echo" is not an agent that this runner drives.');
    expect(error?.hint).toBe('It drives: codex.');
  });
});
