/** The compatibility path over a real network: the words of v0.4.4, and `orp agent work`, against the real hosted side. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LinkedMachine, linkedMachine } from '../cli/runner/linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../cli/runner/orp-process.ts';
import type { Hosted } from '../support/hosted.ts';
import { startHosted } from '../support/hosted.ts';
import { PlainClient } from '../support/plain-client.ts';

const SELECTION = {
  includeIdeaTitle: true,
  includeCorePlan: true,
  includeGithub: true,
  includeRepoBinding: true,
  includePreviousResponseSummaries: false,
  featureIds: [],
  detailSectionRefs: [],
  userNote: '',
};

let hosted: Hosted;
const machines: LinkedMachine[] = [];

beforeAll(async () => {
  hosted = await startHosted();
});

afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});

afterAll(() => hosted.close());

/** A person whose idea is bound to the repository of a machine that has never synced. */
async function aDesk(world: { projectRoot?: string } = {}) {
  const user = await hosted.createUser();
  const client = new PlainClient(hosted.url);
  await client.signIn(user.email, user.password);
  const machine = linkedMachine(hosted.url);
  machines.push(machine);
  const session = join(machine.home, 'config/orp/remote-session.json');
  const stored = JSON.parse(readFileSync(session, 'utf8'));
  writeFileSync(session, JSON.stringify({ ...stored, email: user.email, token: await hosted.signIn(user) }));
  const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Tidal survey', notes: 'Measure.' });
  const ideaId = String(idea.id);
  await client.expectOk(`PUT /api/cli/ideas/${ideaId}/world`, {
    name: 'survey-repo',
    projectRoot: machine.repo,
    githubUrl: null,
    codexSessionId: 'codex-1',
    ...world,
  });
  const link = join(machine.repo, '.git/orp/link/project.json');
  writeFileSync(link, JSON.stringify({ ...JSON.parse(readFileSync(link, 'utf8')), idea_id: ideaId }));
  return { client, machine, ideaId };
}

async function queueReview(client: PlainClient, ideaId: string) {
  const queued = await client.expectOk(`POST /api/cli/ideas/${ideaId}/checkpoints`, {
    triggerType: 'agent-feedback',
    contextSelection: SELECTION,
  });
  return { checkpointId: String(queued.id), jobId: String(queued.jobId) };
}

async function jobOf(client: PlainClient, jobId: string) {
  const { job } = await client.expectOk(`GET /api/cli/runner/jobs/${jobId}`);
  return job as { status: string; content?: string; error?: string };
}

function agentWork({ env, repo }: LinkedMachine, ...words: string[]) {
  return runOrp(['agent', 'work', '--codex-bin', RECIPE_AGENT, ...words], { cwd: repo, env });
}

async function agentJson(machine: LinkedMachine, ...words: string[]) {
  const end = await agentWork(machine, '--once', '--json', ...words);
  return { ...end, document: end.stdout === '' ? undefined : JSON.parse(end.stdout) };
}

/** Makes one more repository and links it, as a person does. */
async function linkRepository(
  { env }: LinkedMachine,
  { root, ideaId, codexSessionId }: { root: string; ideaId: string; codexSessionId: string },
): Promise<void> {
  mkdirSync(root);
  execFileSync('git', ['init', '-q', root], { env });
  const at = { cwd: root, env };
  const session = ['--orp-session-id', 'second', '--label', 'Second', '--codex-session-id', codexSessionId];
  expect((await runOrp(['link', 'session', 'register', ...session, '--primary'], at)).code).toBe(0);
  expect((await runOrp(['link', 'project', 'bind', '--idea-id', ideaId], at)).code).toBe(0);
}

function disable(machine: LinkedMachine): void {
  const path = join(machine.home, 'config/orp/machine.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), runner_enabled: false }));
}

function spools(machine: LinkedMachine): string[] {
  const folder = join(machine.home, 'state/orp/spool');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((one) => readdirSync(join(folder, one)));
}

describe('a worker of v0.4.4', () => {
  it('polls, runs and responds by its own routes', async () => {
    const { client, machine, ideaId } = await aDesk();
    expect(await client.expectOk('GET /api/cli/agent/jobs/poll')).toEqual({});
    const { checkpointId, jobId } = await queueReview(client, ideaId);
    const { job } = await client.expectOk('GET /api/cli/agent/jobs/poll?agent=survey-repo');
    expect(job).toMatchObject({
      id: jobId,
      kind: 'idea.checkpoint',
      prompt: expect.stringContaining('Tidal survey'),
      world: { projectRoot: machine.repo, codexSessionId: 'codex-1' },
      checkpoint: { id: checkpointId },
    });
    const response = await client.expectOk(`POST /api/cli/checkpoints/${checkpointId}/respond`, {
      summary: 'grid is ready',
      body: 'Current state\ngrid is ready\n',
      structuredOutput: {
        previousState: null,
        currentState: 'grid is ready',
        headingState: null,
        reviewNotes: [],
        actionItems: [],
      },
      worker: { command: 'codex exec resume', exitCode: 0, stdout: 'thinking\n', stderr: '', ok: true },
    });
    expect(response).toMatchObject({ ok: true, id: expect.stringMatching(/^rsp_/) });
    expect(await jobOf(client, jobId)).toMatchObject({ status: 'completed' });
    expect(await client.expectOk('GET /api/cli/agent/jobs/poll')).toEqual({});
  });
});

describe('orp agent work', () => {
  it('works as the runner where it can, and reports that', async () => {
    const { client, machine, ideaId } = await aDesk();
    expect((await runOrp(['runner', 'sync'], { cwd: machine.repo, env: machine.env })).code).toBe(0);
    const { jobId } = await queueReview(client, ideaId);
    const { code, document } = await agentJson(machine);
    expect({ code, document }).toMatchObject({
      code: 0,
      document: {
        ok: true,
        claimed: true,
        lease: { lease_id: expect.stringMatching(/^lea_/) },
        compatibility: { mode: 'runner-primary', legacy_fallback: false },
      },
    });
    expect(await jobOf(client, jobId)).toMatchObject({ status: 'completed' });
    expect((await agentJson(machine)).document).toMatchObject({
      claimed: false,
      job: null,
      compatibility: { mode: 'runner-primary' },
    });
  });

  it('falls back where the runner is disabled, answers the review and says why', async () => {
    const { client, machine, ideaId } = await aDesk();
    disable(machine);
    const { checkpointId, jobId } = await queueReview(client, ideaId);
    const { code, document } = await agentJson(machine);
    expect({ code, document }).toMatchObject({
      code: 0,
      document: {
        ok: true,
        claimed: true,
        job: { id: jobId, checkpoint: { id: checkpointId } },
        response: { ok: true, id: expect.stringMatching(/^rsp_/) },
        worker: { ok: true, exitCode: 0, structured: { reviewNotes: expect.any(Array) } },
        compatibility: {
          mode: 'legacy-checkpoint-fallback',
          legacy_fallback: true,
          reason: 'The runner is not enabled on this machine.',
        },
      },
    });
    const job = await jobOf(client, jobId);
    expect(job).toMatchObject({ status: 'completed', content: expect.stringContaining('You said:') });
    expect(spools(machine)).toEqual([]);
  });

  it('takes only the reviews that --agent selects, and prints the lines of the contract', async () => {
    const { client, machine, ideaId } = await aDesk();
    const { checkpointId } = await queueReview(client, ideaId);
    const other = await agentWork(machine, '--once', '--agent', 'another-repo');
    expect(other.stdout).toBe('job.claimed=false\njob.status=idle\n');
    const dry = await agentWork(machine, '--dry-run', '--agent', 'survey-repo');
    expect(dry.stdout).toBe(
      `job.claimed=true\njob.kind=idea.checkpoint\ncheckpoint.id=${checkpointId}\njob.mode=dry-run\n`,
    );
    const { code, stdout } = await agentWork(machine, '--once', '--agent', 'survey-repo');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^job.claimed=true\njob.kind=idea.checkpoint\ncheckpoint.id=${checkpointId}\njob.mode=legacy-agent-filter\nresponse.id=rsp_\\w+\nresponse.ok=true\n$`,
      ),
    );
  });

  it('leaves a review in the queue whose repository is not here, and takes the next one', async () => {
    const { client, machine, ideaId } = await aDesk({ projectRoot: '/nowhere/survey' });
    const missing = await queueReview(client, ideaId);
    const first = await agentWork(machine, '--once', '--agent', 'survey-repo');
    expect(first.stdout).toBe('job.claimed=false\njob.status=idle\n');
    expect(first.stderr).toContain('/nowhere/survey is not on this machine');
    expect(await jobOf(client, missing.jobId)).toMatchObject({ status: 'queued' });

    const here = join(machine.home, 'elsewhere');
    const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Second', notes: 'x' });
    await linkRepository(machine, { root: here, ideaId: String(idea.id), codexSessionId: 'codex-2' });
    await client.expectOk(`PUT /api/cli/ideas/${String(idea.id)}/world`, {
      name: 'survey-repo',
      projectRoot: here,
      codexSessionId: 'codex-2',
    });
    const next = await queueReview(client, String(idea.id));
    expect((await agentWork(machine, '--once', '--agent', 'survey-repo')).code).toBe(0);
    expect(await jobOf(client, next.jobId)).toMatchObject({ status: 'completed' });
  });

  it('leaves a review in the queue whose repository or session is not linked on this machine', async () => {
    const { client, machine, ideaId } = await aDesk();
    const world = { name: 'survey-repo', projectRoot: machine.repo, codexSessionId: 'another-conversation' };
    await client.expectOk(`PUT /api/cli/ideas/${ideaId}/world`, world);
    const foreign = await queueReview(client, ideaId);
    const asked = await agentWork(machine, '--once', '--agent', 'survey-repo');
    expect(asked.stdout).toBe('job.claimed=false\njob.status=idle\n');
    expect(asked.stderr).toContain('another-conversation is not an active session of');

    const unlinked = join(machine.home, 'unlinked');
    mkdirSync(unlinked);
    await client.expectOk(`PUT /api/cli/ideas/${ideaId}/world`, { projectRoot: unlinked });
    const second = await queueReview(client, ideaId);
    const again = await agentWork(machine, '--once', '--agent', 'survey-repo');
    expect(again.stderr).toContain(`${unlinked} is not linked on this machine`);
    for (const { jobId } of [foreign, second])
      expect(await jobOf(client, jobId)).toMatchObject({ status: 'queued' });
  });

  it('fails a review that the policy of this machine forbids, and names the rule', async () => {
    const { client, machine, ideaId } = await aDesk();
    const policy = { schema_version: '1.0.0', job_kinds: ['session.prompt'] };
    writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
    const { jobId } = await queueReview(client, ideaId);
    const { code, document } = await agentJson(machine, '--agent', 'survey-repo');
    expect({ code, ok: document.ok, error: document.error }).toMatchObject({ code: 1, ok: false });
    expect(await jobOf(client, jobId)).toMatchObject({ status: 'failed', error: document.error });
  });

  it('without a sign-in does not fall back', async () => {
    const { machine } = await aDesk();
    writeFileSync(join(machine.home, 'config/orp/remote-session.json'), '{}');
    const { code, stderr } = await agentJson(machine);
    expect(code).toBe(2);
    expect(stderr).toContain('not_signed_in');
  });
});
