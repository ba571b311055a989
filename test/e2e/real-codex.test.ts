/**
 * The main story with a real Codex binary and a loopback model. The model knows a code word only when the conversation it is
 * sent contains it, so a right answer proves that the linked session was resumed with its context.
 */

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOlder } from '../../cli/base/version.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { orpJson, runOrp } from '../../scripts/local/orp-command.ts';
import { releaseSentence } from '../../spec/job/release.ts';
import { addProfile, findCodexes, makeCodexHome } from '../support/codex.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';
import { orpInside } from '../support/orp-inside.ts';
import { runScript } from '../support/processes.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

const codexes = findCodexes();
if (codexes.length === 0) {
  const sentence =
    'No Codex binary was found (CODEX_BIN, the PATH): the end-to-end test with a real Codex is skipped.';
  if (process.env.ORP_REQUIRE_CODEX) throw new Error(sentence);
  console.warn(sentence);
  it.skip(sentence);
}

interface TurnContext {
  approval_policy: unknown;
  sandbox_policy: unknown;
}

/** What Codex wrote down of the newest turn: what it was held to. */
function lastTurn(folder: string): TurnContext {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.jsonl'),
  );
  const turns = files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"turn_context"'))
      .map((line) => JSON.parse(line) as { timestamp: string; payload: TurnContext }),
  );
  const newest = turns.sort((a, b) => a.timestamp.localeCompare(b.timestamp)).at(-1);
  if (newest === undefined) throw new Error(`no turn is on record in ${folder}`);
  return newest.payload;
}

interface ShownJob {
  id: string;
  status: string;
  content?: string;
  error?: string;
  failureKind?: string;
  waiting?: { message: string };
}

interface WorkOutcome {
  ok: boolean;
  claimed: boolean;
  job: { id: string };
}

describe.each(codexes)('with $name', (codex) => {
  const { bin } = codex;
  let hosted: Hosted;
  let model: ModelServer;
  let workspace: Workspace;

  beforeAll(async () => {
    model = await startModelServer();
    hosted = await startHosted();
    workspace = await makeWorkspace(hosted);
    // Codex runs commands in a login shell: the start-up files of the person who tests take no part.
    workspace.orp.env.HOME = workspace.folder;
    workspace.orp.env.CODEX_HOME = makeCodexHome(join(workspace.folder, 'agent'), model.baseUrl);
  });

  afterAll(async () => {
    workspace.remove();
    await hosted.close();
    await model.close();
  });

  const orp = <Document>(...args: string[]): Promise<Document> => orpInside<Document>(workspace.orp, args);
  const work = <Document>(...words: string[]): Promise<Document> =>
    orpJson<Document>(workspace.orp, ['runner', 'work', ...words]);

  const home = () => workspace.orp.env.CODEX_HOME ?? '';

  /** Submits a prompt, works it whatever comes of it, and answers what the server says of the job. */
  async function workPrompt(prompt: string, ...submitWords: string[]): Promise<ShownJob> {
    const { job } = await orp<{ job: { id: string } }>('job', 'submit', prompt, ...submitWords);
    await runOrp(workspace.orp, ['runner', 'work', '--once', '--codex-bin', bin]);
    return (await orp<{ job: ShownJob }>('job', 'show', job.id)).job;
  }

  async function workOnce(jobId: string): Promise<string> {
    const outcome = await work<WorkOutcome>('--once', '--codex-bin', bin);
    expect(outcome).toMatchObject({ ok: true, claimed: true, job: { id: jobId } });
    const { job } = await orp<{ job: { status: string; content: string } }>('job', 'show', jobId);
    expect(job.status).toBe('completed');
    return job.content;
  }

  it('a session made by Codex is resumed with its context by prompts and reviews', async () => {
    const agent = { bin, title: 'Codex' };
    const sessionId = await createAgentSession(agent, 'Hello, this is the tidal survey.', workspace.orp);
    const ideaId = await linkSession(workspace, sessionId);

    const first = await orp<{ job: { id: string } }>('job', 'submit', 'The code word is papaya-7. Keep it.');
    expect(await workOnce(first.job.id)).toContain('I will remember papaya-7.');

    const review = await orp<{ jobId: string }>('checkpoint', 'queue', '--idea-id', ideaId);
    const reviewed = await workOnce(review.jobId);
    expect(reviewed).toContain('The code word papaya-7 is known in this session.');

    const second = await orp<{ job: { id: string } }>('job', 'submit', 'What is the code word?');
    expect(await workOnce(second.job.id)).toContain('The code word is papaya-7.');
    expect(model.requests.length).toBe(4);
  });

  it.each(['read-only', 'workspace-write'])(
    'the sandbox %s of the local policy holds for the resumed turn',
    async (sandbox) => {
      const policy = { schema_version: '1.0.0', codex_sandbox: sandbox, codex_approval: 'on-request' };
      const path = join(workspace.folder, 'config', 'orp', 'policy.json');
      writeFileSync(path, JSON.stringify(policy));
      try {
        const { job } = await orp<{ job: { id: string } }>(
          'job',
          'submit',
          'The code word is plum-8. Keep it.',
        );
        await workOnce(job.id);
      } finally {
        rmSync(path);
      }
      const context = lastTurn(join(workspace.orp.env.CODEX_HOME ?? '', 'sessions'));
      // Whatever it is told: nobody is there to be asked.
      expect(context.approval_policy).toBe('never');
      expect(JSON.stringify(context.sandbox_policy)).toContain(sandbox);
    },
  );

  it('a refused turn and a turn without an answer are failed jobs', async () => {
    const refused = await workPrompt('refuse: This is not allowed here.');
    expect(refused).toMatchObject({ status: 'failed', failureKind: 'agent_error' });
    expect(refused.error).toContain('This is not allowed here.');

    const silent = await workPrompt('say nothing');
    expect(silent).toMatchObject({ status: 'failed', error: 'The agent ended without an answer.' });
    expect(silent.content).toBeUndefined();
  });

  it('a session that it does not know is reported as missing, and no other one answers', async () => {
    const unknown = '01a21ce3-0000-7000-8000-000000000000';
    const session = ['--orp-session-id', 'gone', '--label', 'Gone', '--codex-session-id', unknown];
    await orp('link', 'session', 'register', ...session);
    await orp('runner', 'sync');
    const job = await workPrompt('What is the code word?', '--orp-session-id', 'gone');

    expect(job).toMatchObject({ status: 'failed', failureKind: 'session_missing' });
    expect(job.content).toBeUndefined();
  });

  it.each([
    [
      'usage_limited',
      'status: 429 {"error":{"type":"usage_limit_reached","plan_type":"plus","resets_in_seconds":9000}}',
    ],
    ['signed_out', 'status: 401 {"error":{"message":"Incorrect API key provided."}}'],
  ])('a job that meets %s goes back to the queue, and is still there afterwards', async (reason, prompt) => {
    const job = await workPrompt(prompt);
    const { stdout } = await runOrp(workspace.orp, ['job', 'show', job.id]);
    await orp('job', 'cancel', job.id);

    expect(job.status).toBe('queued');
    expect(stdout).toContain(releaseSentence(reason as 'signed_out', undefined));
  });

  it.skipIf(isOlder(codex.version, '0.171.0'))(
    'a job whose session is open in another program goes back to the queue, and runs when it is closed',
    async () => {
      const sessionId = await createAgentSession({ bin, title: 'Codex' }, 'Hello.', workspace.orp);
      const names = ['--orp-session-id', 'shared', '--label', 'Shared', '--codex-session-id', sessionId];
      await orp('link', 'session', 'register', ...names);
      await orp('runner', 'sync');
      const words = ['exec', '--skip-git-repo-check', '--json', 'resume', sessionId, '-'];
      const other = spawn(bin, words, { ...workspace.orp, stdio: ['pipe', 'pipe', 'ignore'] });
      const closed = new Promise((ended) => other.on('close', ended));
      other.stdin.end('run: sleep 600');
      await new Promise<void>((begun) => {
        other.stdout.on('data', (text: Buffer) => text.includes('turn.started') && begun());
      });

      const job = await workPrompt('What is the code word?', '--orp-session-id', 'shared');
      other.kill('SIGKILL');
      await closed;
      expect(job.status).toBe('queued');
      expect(job.waiting?.message).toMatch(/^The session is busy: its owner is working in it on /);
      await orp('job', 'cancel', job.id);
      expect(await workPrompt('What is the code word?', '--orp-session-id', 'shared')).toMatchObject({
        status: 'completed',
      });
    },
  );

  it('the configuration profile of the runner is in force', async () => {
    addProfile(home(), codex, { name: 'deep', model: 'deep-model' });
    const { job } = await orp<{ job: { id: string } }>('job', 'submit', 'Which model are you?');
    const words = ['--codex-bin', bin, '--codex-config-profile', 'deep'];
    const outcome = await work<WorkOutcome>('--once', ...words);

    expect(outcome).toMatchObject({ ok: true, job: { id: job.id } });
    expect(model.requests.at(-1)?.model).toBe('deep-model');
  });

  it('the demonstration uses Codex when asked to', async () => {
    const env = { ...process.env, CODEX_BIN: bin, CODEX_HOME: workspace.orp.env.CODEX_HOME };
    const demo = runScript('scripts/demo.ts', ['--codex'], env);

    expect(await demo.ended, demo.output()).toBe(0);
    expect(demo.output()).toContain('The agent is Codex.');
    expect(demo.output()).toContain('## Current state');
  });
});
