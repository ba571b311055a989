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

export class RealRunner {
  readonly #workspace: Workspace;
  readonly #account: Account;
  readonly #child: ChildProcess;

  private constructor(workspace: Workspace, account: Account, child: ChildProcess) {
    this.#workspace = workspace;
    this.#account = account;
    this.#child = child;
  }

  /** Links a repository of a new person, starts the runner, and waits until it listens. */
  static async start(hosted: Hosted, session: string): Promise<RealRunner> {
    const workspace = await makeWorkspace(hosted);
    await linkSession(workspace, session);
    const words = ['runner', 'work', '--transport', 'ws', '--json', '--codex-bin', AGENT];
    const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words], {
      ...workspace.orp,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let printed = '';
    child.stdout.on('data', (bytes) => {
      // Keep only the beginning, because the report of a job may be long.
      if (printed.length < 100_000) printed += String(bytes);
    });
    await until(() => printed.includes('"transport":"ws","up":true'));
    const account = { baseUrl: hosted.url, token: await hosted.signIn(workspace.user) };
    return new RealRunner(workspace, account, child);
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
    const { job } = await send(this.#account, enqueueJob, { body: { prompt: JSON.stringify(recipe) } });
    return job.id;
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
