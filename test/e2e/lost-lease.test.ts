/**
 * A prompt that was entered under a lease that was lost afterwards, with a real Codex: the marker in the transcript decides what
 * becomes of the job. The clock of the server is pushed ahead, so that nobody waits for the lease to expire.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentSession, markerOf } from '../../cli/agents/agent.ts';
import { isOlder } from '../../cli/base/version.ts';
import { AgentServers } from '../../cli/runner/agent-server/agent-servers.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { makeTemporaryFolder } from '../../scripts/local/temporary-folder.ts';
import { Machine } from '../bench/client.ts';
import { ChaosService } from '../support/chaos/service.ts';
import { findCodexes, makeCodexHome } from '../support/codex.ts';
import { signIn } from '../support/hosted.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

/** The newest, or `CODEX_BIN`. */
const codexes = findCodexes()
  .filter(({ version }) => !isOlder(version, '0.154.0'))
  .slice(-1);
if (codexes.length === 0) it.skip('No Codex with an agent server was found.');

interface ShownJob {
  status: string;
  attempt: number;
  content?: string;
  error?: string;
  failureKind?: string;
}

/** After the lease of 120 s, and after the longest pause before the next attempt. */
const PAST_THE_LEASE_MS = 130_000;
const PAST_THE_PAUSE_MS = 400_000;

describe.each(codexes)('with $name, a prompt that was entered under a lost lease', ({ bin }) => {
  let folder: string;
  let service: ChaosService;
  let model: ModelServer;
  let workspace: Workspace;
  let sessionId: string;

  beforeAll(async () => {
    folder = makeTemporaryFolder('orp-lost-');
    service = new ChaosService(folder);
    await service.start();
    model = await startModelServer();
    const createUser = async () => ({ id: '', ...service.person });
    workspace = await makeWorkspace({ url: service.url, createUser });
    // Codex runs commands in a login shell: the start-up files of the person who tests take no part.
    workspace.orp.env.HOME = workspace.folder;
    workspace.orp.env.CODEX_HOME = makeCodexHome(join(workspace.folder, 'agent'), model.baseUrl);
    workspace.orp.env.CODEX_BIN = bin;
    sessionId = await createAgentSession({ bin, title: 'Codex' }, 'Hello.', workspace.orp);
    await linkSession(workspace, sessionId);
  });

  afterAll(async () => {
    await runOrp(workspace.orp, ['runner', 'uninstall', '--json']);
    workspace.remove();
    await model.close();
    await service.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const orp = <Document>(...args: string[]): Promise<Document> => orpInside<Document>(workspace.orp, args);
  const work = <Document>(...words: string[]): Promise<Document> =>
    orpJson<Document>(workspace.orp, ['runner', 'work', ...words]);
  const show = async (jobId: string) => (await orp<{ job: ShownJob }>('job', 'show', jobId)).job;
  const runsOf = (text: string) =>
    model.requests.filter(({ input }) => JSON.stringify(input.at(-1)).includes(text)).length;

  /** As a runner that claims the job and enters its prompt, and is never seen again. */
  async function enterAndVanish(
    prompt: string,
    during: (session: AgentSession, turnId: string) => Promise<unknown>,
  ): Promise<string> {
    const account = { baseUrl: service.url, token: await signIn(service.url, workspace.user) };
    const { machine } = await orp<{ machine: { machine_id: string } }>('runner', 'status');
    const vanished = new Machine(account, machine.machine_id);
    const words = ['job', 'submit', prompt, '--on-lease-loss', 'requeue'];
    const jobId = (await orp<{ job: { id: string } }>(...words)).job.id;
    const claim = await vanished.claim();
    if (claim?.jobId !== jobId) throw new Error(`claimed ${claim?.jobId} instead of ${jobId}`);
    await vanished.start(claim);
    const { env } = workspace.orp;
    const findProgram = async () => ({ kind: 'found' as const, path: bin, remarks: [] });
    const servers = new AgentServers({ env, mode: 'auto', findProgram });
    const opening = await servers.open({ sessionId, cwd: workspace.repository });
    if (opening.kind !== 'open') throw new Error(JSON.stringify(opening));
    const entry = await opening.session.enter(prompt, markerOf(jobId, claim.leaseId));
    if (entry.kind !== 'entered') throw new Error(entry.message);
    await during(opening.session, entry.turnId);
    await opening.session.close();
    await servers.end();
    await service.advance(PAST_THE_LEASE_MS);
    await service.advance(PAST_THE_PAUSE_MS);
    return jobId;
  }

  const ignore = { take: async () => undefined };

  it('completes with its answer, without running again', async () => {
    const jobId = await enterAndVanish('The code word is plum-2. Keep it.', (session, turnId) =>
      session.follow(turnId, ignore),
    );
    await work('--once');

    expect(await show(jobId)).toMatchObject({
      status: 'completed',
      attempt: 2,
      content: 'I will remember plum-2.',
    });
    expect(runsOf('plum-2')).toBe(1);
  });

  it('fails when its turn was interrupted, says so, and runs again only when a person orders it', async () => {
    const jobId = await enterAndVanish('run: echo fig-9; sleep 252', async (session, turnId) => {
      // A turn that is interrupted before it has begun leaves nothing in the transcript.
      while (runsOf('fig-9') === 0) await new Promise((wake) => setTimeout(wake, 20));
      await session.interrupt(turnId);
      await session.follow(turnId, ignore);
    });
    const before = runsOf('fig-9');
    await runOrp(workspace.orp, ['runner', 'work', '--once']);
    const job = await show(jobId);
    expect(job).toMatchObject({ status: 'failed' });
    expect(job.error).toContain('interrupted');
    expect(runsOf('fig-9')).toBe(before);

    await orp('job', 'retry', jobId);
    const isCancelled = runOrp(workspace.orp, ['runner', 'work', '--once']);
    while (runsOf('fig-9') === before) await new Promise((wake) => setTimeout(wake, 20));
    await orp('job', 'cancel', jobId);
    await isCancelled;
    expect(await show(jobId)).toMatchObject({ status: 'cancelled' });
  });
});
