/** A person's machine with a real Codex, one linked session and a runner, for the benchmarks of the driver. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectTo } from '../../cli/agents/app-server/connection.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { enqueueJob, showJob } from '../../spec/contract/jobs.ts';
import { isTerminal } from '../../spec/job/status.ts';
import { startAppServer } from '../support/app-server.ts';
import { makeCodexHome } from '../support/codex.ts';
import type { Hosted } from '../support/hosted.ts';
import type { ModelServer } from '../support/model-server.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';
import { type Account, send } from './client.ts';

export interface Place {
  hosted: Hosted;
  model: ModelServer;
  bin: string;
}

/** The pause between two checks. It is long, so that the checks do not slow down the measured job. */
const ASK_EVERY_MS = 250;

export class CodexStage {
  readonly workspace: Workspace;
  readonly sessionId: string;
  readonly account: Account;
  readonly #bin: string;
  #runner: ChildProcess | undefined;

  private constructor(workspace: Workspace, sessionId: string, of: { account: Account; bin: string }) {
    this.workspace = workspace;
    this.sessionId = sessionId;
    this.account = of.account;
    this.#bin = of.bin;
  }

  static async open({ hosted, model, bin }: Place): Promise<CodexStage> {
    const workspace = await makeWorkspace(hosted);
    // Codex runs commands in a login shell: the start-up files of the person who measures take no part.
    workspace.orp.env.HOME = workspace.folder;
    workspace.orp.env.CODEX_HOME = makeCodexHome(join(workspace.folder, 'agent'), model.baseUrl);
    const sessionId = await createAgentSession({ bin, title: 'Codex' }, 'Hello.', workspace.orp);
    await linkSession(workspace, sessionId);
    const account = { baseUrl: hosted.url, token: await hosted.signIn(workspace.user) };
    return new CodexStage(workspace, sessionId, { account, bin });
  }

  /** Adds turns to the session. Returns the size of its transcript in bytes. */
  async lengthen(turns: number): Promise<number> {
    const { folder, orp } = this.workspace;
    if (turns === 0) return this.#bytes();
    const place = join(folder, 'l');
    mkdirSync(place);
    const server = await startAppServer(this.#bin, place, orp.env.CODEX_HOME);
    const connection = await connectTo(server.path);
    if (connection === undefined) throw new Error('the app-server does not answer');
    const threadId = this.sessionId;
    await connection.call('thread/resume', { threadId, excludeTurns: true });
    for (let done = 0; done < turns; done += 1) {
      const ended = new Promise<void>((settle) => {
        const stop = connection.onNotification(({ method }) => {
          if (method !== 'turn/completed') return;
          stop();
          settle();
        });
      });
      // Every fourth turn runs a command.
      const text = `${done % 4 === 0 ? 'run: seq 1 600' : `Note ${done}:`}\n${'The tide table lists heights. '.repeat(30)}`;
      await connection.call('turn/start', { threadId, input: [{ type: 'text', text, text_elements: [] }] });
      await ended;
    }
    connection.close();
    await server.end();
    return this.#bytes();
  }

  startRunner(mode: 'auto' | 'exec'): void {
    const words = ['runner', 'work', '--agent-mode', mode, '--codex-bin', this.#bin];
    const args = [projectPath('dist/orp.js'), ...words];
    this.#runner = spawn(process.execPath, args, { ...this.workspace.orp, stdio: 'ignore' });
  }

  async stopRunner(): Promise<void> {
    const runner = this.#runner;
    if (runner === undefined) return;
    this.#runner = undefined;
    const gone = once(runner, 'close');
    runner.kill('SIGTERM');
    await gone;
  }

  async submit(prompt: string): Promise<string> {
    return (await send(this.account, enqueueJob, { body: { prompt } })).job.id;
  }

  async show(jobId: string) {
    const { job } = await send(this.account, showJob, { path: showJob.path.replace(':jobId', jobId) });
    return job;
  }

  /** Settles when the job looks like this. */
  async until(jobId: string, isRight: (job: Awaited<ReturnType<CodexStage['show']>>) => boolean) {
    for (;;) {
      await sleep(ASK_EVERY_MS);
      const job = await this.show(jobId);
      if (isRight(job)) return job;
    }
  }

  async completed(jobId: string) {
    const job = await this.until(jobId, ({ status }) => isTerminal(status));
    if (job.status !== 'completed') throw new Error(`the job is ${job.status}: ${job.error}`);
    return job;
  }

  /** Returns when the prompt with this word was written into the transcript, in epoch ms. */
  enteredAt(word: string): number {
    const lines = this.#transcripts().flatMap((path) => readFileSync(path, 'utf8').split('\n'));
    const line = lines.find((text) => text.includes(word)) ?? '{}';
    return Date.parse((JSON.parse(line) as { timestamp?: string }).timestamp ?? '');
  }

  async close(): Promise<void> {
    await this.stopRunner();
    this.workspace.remove();
  }

  #bytes(): number {
    return this.#transcripts().reduce((sum, path) => sum + statSync(path).size, 0);
  }

  #transcripts(): string[] {
    const folder = join(this.workspace.orp.env.CODEX_HOME ?? '', 'sessions');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => join(folder, name));
  }
}
