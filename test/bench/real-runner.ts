/** A real `orp runner work` with the real server and an agent that follows its prompt. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { projectPath } from '../../scripts/local/project-path.ts';
import { cancelJob, enqueueJob, showJob } from '../../spec/contract/jobs.ts';
import { until } from '../cli/runner/job/conditions.ts';
import type { Hosted } from '../support/hosted.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';
import { type Account, send } from './client.ts';

const AGENT = projectPath('test/cli/runner/process/recipe-agent.mjs');

/** What the runner has printed: one JSON document a line. */
class Printed {
  #line = '';
  #isListening = false;
  #isIdle = false;
  #endedJobs = 0;
  #heardAt = performance.now();

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Returns whether these jobs have ended, the last poll came back empty, and nothing has happened for this time. */
  isIdleFor(ms: number, jobs: number): boolean {
    return this.#isIdle && this.#endedJobs >= jobs && performance.now() - this.#heardAt >= ms;
  }

  take(text: string): void {
    this.#heardAt = performance.now();
    const lines = `${this.#line}${text}`.split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      const document = JSON.parse(line) as { event?: string; up?: boolean; claimed?: boolean };
      if (document.event === 'transport') this.#isListening = document.up === true;
      else this.#isIdle = document.claimed === false;
      if (document.claimed) this.#endedJobs += 1;
    }
  }
}

export class RealRunner {
  readonly #workspace: Workspace;
  readonly #account: Account;
  readonly #child: ChildProcess;
  readonly #printed: Printed;
  #submittedJobs = 0;

  private constructor(
    workspace: Workspace,
    account: Account,
    run: { child: ChildProcess; printed: Printed },
  ) {
    this.#workspace = workspace;
    this.#account = account;
    this.#child = run.child;
    this.#printed = run.printed;
  }

  /** Links a repository of a new person, starts the runner, and waits until it listens. */
  static async start(
    hosted: Pick<Hosted, 'url' | 'createUser' | 'signIn'>,
    session: string,
  ): Promise<RealRunner> {
    const workspace = await makeWorkspace(hosted);
    await linkSession(workspace, session);
    const words = ['runner', 'work', '--transport', 'ws', '--json', '--codex-bin', AGENT];
    const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words], {
      ...workspace.orp,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const printed = new Printed();
    child.stdout.setEncoding('utf8').on('data', (text: string) => printed.take(text));
    await until(() => printed.isListening);
    const account = { baseUrl: hosted.url, token: await hosted.signIn(workspace.user) };
    return new RealRunner(workspace, account, { child, printed });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The folder for files that prompts name. */
  get folder(): string {
    return this.#workspace.folder;
  }

  /** Queues a prompt with a recipe for the agent. Returns the id of the job. */
  async submit(recipe: object): Promise<string> {
    this.#submittedJobs += 1;
    const { job } = await send(this.#account, enqueueJob, { body: { prompt: JSON.stringify(recipe) } });
    return job.id;
  }

  /** Like `submit`, with the time at which the server has acknowledged the job, on the clock of the machine. */
  async submitTimed(recipe: object): Promise<{ jobId: string; acknowledgedAt: number }> {
    const jobId = await this.submit(recipe);
    return { jobId, acknowledgedAt: Number(process.hrtime.bigint()) / 1e6 };
  }

  /** Waits until the runner has ended all jobs, is idle, and has printed nothing for this time. */
  async settled(ms: number): Promise<void> {
    await until(() => this.#printed.isIdleFor(ms, this.#submittedJobs));
  }

  cancel(jobId: string) {
    return send(this.#account, cancelJob, { path: pathOf(cancelJob, jobId), body: { reason: null } });
  }

  show(jobId: string) {
    return send(this.#account, showJob, { path: pathOf(showJob, jobId) });
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
    this.#workspace.remove();
  }
}

function pathOf(row: { path: string }, jobId: string): string {
  return row.path.replace(':jobId', jobId);
}
