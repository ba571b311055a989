/** A client that knows only the wire contract goes the whole way against the real hosted side. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { type Answer, nullsIn, PlainClient } from '../support/plain-client.ts';

let hosted: Hosted;

beforeAll(async () => {
  hosted = await startHosted();
});

afterAll(async () => {
  await hosted.close();
});

async function signedIn(user = hosted.createUser()): Promise<PlainClient> {
  const { email, password } = await user;
  const client = new PlainClient(hosted.url);
  await client.signIn(email, password);
  return client;
}

async function linked(client: PlainClient): Promise<{ ideaId: string; projectRoot: string }> {
  const projectRoot = `/home/mira/${client.machineId}`;
  const idea = await client.expectOk('POST /api/cli/ideas', {
    title: 'Tidal survey',
    notes: 'Measure the tide.',
  });
  const ideaId = String(idea.id);
  await client.expectOk(`PUT /api/cli/ideas/${ideaId}/world`, {
    name: 'survey-repo',
    projectRoot,
    githubUrl: null,
    codexSessionId: null,
  });
  await client.sync(ideaId, projectRoot);
  return { ideaId, projectRoot };
}

/** Runs the job that the next poll brings as v0.4.4 does; answers what the poll said. */
async function workOnce(client: PlainClient, content: string): Promise<Answer> {
  const { machineId } = client;
  await client.expectOk('POST /api/cli/runner/heartbeat', { machineId, machineName: 'workbench' });
  const polled = await client.poll();
  const job = polled.job as Answer;
  const leaseId = String(polled.leaseId);
  const at = `/api/cli/runner/jobs/${String(job.id)}`;
  await client.expectOk(`POST ${at}/start`, { machineId, leaseId });
  await client.expectOk(`POST ${at}/messages`, {
    machineId,
    leaseId,
    sender: 'system',
    content: 'Prompt is going to Main.',
    meta: { orpSessionId: 'orp-main', codexSessionId: '0198c2de-codex', leaseId },
  });
  await client.expectOk(`POST ${at}/logs`, {
    machineId,
    leaseId,
    lines: [{ level: 'info', line: 'thinking' }],
  });
  await client.expectOk(`POST ${at}/complete`, {
    machineId,
    leaseId,
    success: true,
    summary: content.split('\n')[0],
    content,
    error: null,
  });
  return polled;
}

describe('a client that knows only the contract', () => {
  it('signs in, binds, syncs, queues, claims and completes a prompt and a review', async () => {
    const client = await signedIn();
    const { ideaId, projectRoot } = await linked(client);
    const prompt = await client.expectOk('POST /api/cli/runner/jobs', {
      prompt: 'Count the gauges.',
      ideaId,
    });
    const promptId = String((prompt.job as Answer).id);

    const polled = await workOnce(client, 'Three gauges.\n');
    expect(polled.job).toMatchObject({
      id: promptId,
      kind: 'session.prompt',
      payload: {
        prompt: 'Count the gauges.',
        projectRoot,
        orpSessionId: 'orp-main',
        codexSessionId: '0198c2de-codex',
      },
    });
    const shown = await client.expectOk(`GET /api/cli/runner/jobs/${promptId}`);
    expect(shown.job).toMatchObject({
      status: 'completed',
      content: 'Three gauges.\n',
      summary: 'Three gauges.',
    });

    const queued = await client.expectOk(`POST /api/cli/ideas/${ideaId}/checkpoints`, {
      triggerType: 'agent-feedback',
      contextSelection: {
        includeIdeaTitle: true,
        includeCorePlan: true,
        includeGithub: true,
        includeRepoBinding: true,
        includePreviousResponseSummaries: false,
        featureIds: [],
        detailSectionRefs: [],
        userNote: 'Look at the gauges.',
      },
    });
    expect(queued).toMatchObject({ ok: true, status: 'queued', ideaId });
    const review = await workOnce(client, 'Current state\nThe grid is ready.\n');
    expect(review.job).toMatchObject({ kind: 'idea.checkpoint', checkpointId: queued.id, ideaId });
    const reviewPrompt = ((review.job as Answer).payload as Answer).prompt;
    expect(reviewPrompt).toContain('Tidal survey');
    expect(reviewPrompt).toContain('Look at the gauges.');
    expect((await client.poll()).job ?? null).toBeNull();

    await client.expectOk('GET /api/cli/me');
    await client.expectOk('GET /api/cli/ideas?limit=25&sort=updated_desc');
    await client.expectOk(`GET /api/cli/ideas/${ideaId}`);
    await client.expectOk(`GET /api/cli/ideas/${ideaId}/world`);
    const nulls = client.exchanges.flatMap(({ request, body }) =>
      nullsIn(body).map((path) => `${request}: ${path}`),
    );
    expect(nulls).toEqual([]);
  });

  it('is the only one of two machines that gets the job when both poll at once', async () => {
    const user = hosted.createUser();
    const machines = [await signedIn(user), await signedIn(user)];
    const [first] = machines as [PlainClient, PlainClient];
    const { ideaId, projectRoot } = await linked(first);
    await Promise.all(machines.map((machine) => machine.sync(ideaId, projectRoot)));
    await first.expectOk('POST /api/cli/runner/jobs', { prompt: 'Only once.', ideaId });

    const polled = await Promise.all(machines.map((machine) => machine.poll()));
    const claimed = polled.filter((answer) => typeof answer.job === 'object' && answer.job !== null);
    expect(claimed).toHaveLength(1);
  });

  it('is refused with a code of the contract, and nothing changes', async () => {
    const client = await signedIn();
    const { ideaId } = await linked(client);
    const stranger = await signedIn();
    const enqueued = await client.expectOk('POST /api/cli/runner/jobs', { prompt: 'Stay mine.', ideaId });
    const jobId = String((enqueued.job as Answer).id);

    const foreignJob = await stranger.send(`GET /api/cli/runner/jobs/${jobId}`);
    const unknownJob = await stranger.send('GET /api/cli/runner/jobs/job_00000000000000000000');
    expect([foreignJob.status, foreignJob.body.code]).toEqual([404, 'not_found']);
    expect([unknownJob.status, unknownJob.body.code]).toEqual([404, 'not_found']);
    const foreignMachine = await stranger.send(`GET /api/cli/runner/jobs/poll?machineId=${client.machineId}`);
    expect([foreignMachine.status, foreignMachine.body.code]).toEqual([403, 'foreign_machine']);
    const anonymous = await new PlainClient(hosted.url).send('GET /api/cli/me');
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'unauthenticated']);
    const misspelt = await client.send('POST /api/cli/runner/jobs', { prompt: 'x', ideaId, priorty: 3 });
    expect([misspelt.status, misspelt.body.code]).toEqual([400, 'invalid_input']);
    expect(String(misspelt.body.error)).toContain('priorty');

    const shown = await client.expectOk(`GET /api/cli/runner/jobs/${jobId}`);
    expect(shown.job).toMatchObject({ status: 'queued', attempt: 0 });
  });
});
