/** A machine with a linked repository, sessions and a runner. The test kills, freezes and restarts the runner. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findOwnServer } from '../../../cli/runner/agent-server/own-server.ts';
import { codexHome } from '../../../cli/runner/agent-server/places.ts';
import { listProcesses } from '../../../cli/runner/process/process-table.ts';
import { makeRepository } from '../../../scripts/demo/stage.ts';
import { isolatedEnv, orpJson, runOrp } from '../../../scripts/local/orp-command.ts';
import type { Where } from '../../../scripts/local/run-process.ts';
import { orpInside } from '../orp-inside.ts';
import { installCodex } from './install-codex.ts';
import { SESSIONS_PER_MACHINE } from './plan.ts';
import type { ChaosProxy } from './proxy.ts';

/** After this time, a started runner certainly has its lock. */
const SETTLED_MS = 4000;
/** A start can take this long on a busy machine. */
const STARTED_MS = 15_000;
const SECOND_LIMIT_MS = 60_000;
const SIGN_IN_TRIES = 60;
const SIGN_IN_PAUSE_MS = 500;
export const TRANSPORTS = ['ws', 'sse', 'poll', 'auto'] as const;

export class ChaosMachine {
  readonly name: string;
  readonly folder: string;
  readonly proxy: ChaosProxy;
  readonly #transport: (typeof TRANSPORTS)[number];
  /** Every second machine runs two jobs at once, and every third machine starts a process for each prompt. */
  readonly #options: string[];
  readonly #orp: Where;
  readonly #agent: string;
  readonly #program: string;
  #person = { email: '', password: '' };
  #ideaId = '';
  #machineId = '';
  #runner: ChildProcess | undefined;
  #startedAt = 0;
  #isEndWanted = false;
  /** The runner was still starting when the token went away. It then refuses to start. */
  #mayLackSignIn = false;
  /** The unexpected exits of the runner. */
  unexpectedEnds: string[] = [];

  constructor(at: number, folder: string, proxy: ChaosProxy) {
    this.name = `m${at}`;
    this.#program = join(folder, 'dist', 'orp.js');
    this.folder = join(folder, this.name);
    this.proxy = proxy;
    this.#transport = TRANSPORTS[at % TRANSPORTS.length] ?? 'auto';
    this.#options = [
      ...(at % 2 === 1 ? ['--max-jobs', '2', '--parallel-in-repo'] : []),
      ...(at % 3 === 2 ? ['--agent-mode', 'exec'] : []),
    ];
    for (const place of ['tmp', 'home']) mkdirSync(join(this.folder, place), { recursive: true });
    const env = { ...isolatedEnv(this.folder), TMPDIR: this.temporary, HOME: join(this.folder, 'home') };
    this.#agent = installCodex(this.folder);
    this.#orp = { cwd: makeRepository(this.folder), env };
  }

  get ideaId(): string {
    return this.#ideaId;
  }

  get machineId(): string {
    return this.#machineId;
  }

  get temporary(): string {
    return join(this.folder, 'tmp');
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  /** The home folder of the agent, with its sessions. */
  get agentHome(): string {
    return codexHome(this.#orp.env);
  }

  /** The folder with the local records of the repository. */
  get link(): string {
    return join(this.#orp.cwd, '.git', 'orp');
  }

  get config(): string {
    return join(this.folder, 'config');
  }

  sessionId(session: number): string {
    return `${this.name}-s${session}`;
  }

  /** Signs in and links the repository through the proxy. */
  async setUp(person: { email: string; password: string }): Promise<void> {
    const run = <Document>(words: string[]) => orpInside<Document>(this.#orp, words);
    this.#person = person;
    await this.signIn();
    const idea = await run<{ id: string }>(['idea', 'add', '--title', this.name, '--notes', 'Measure.']);
    this.#ideaId = idea.id;
    for (let session = 0; session < SESSIONS_PER_MACHINE; session += 1) {
      const id = this.sessionId(session);
      const words = [
        'link',
        'session',
        'register',
        '--orp-session-id',
        id,
        '--codex-session-id',
        `codex-${id}`,
      ];
      await run([...words, '--label', id, ...(session === 0 ? ['--primary'] : [])]);
    }
    await run(['link', 'project', 'bind', '--idea-id', this.#ideaId]);
    const enabled = await run<{ machine: { machine_id: string } }>(['runner', 'enable']);
    this.#machineId = enabled.machine.machine_id;
    await run(['runner', 'sync']);
  }

  /** Tries to sign in until it succeeds, because the network may fail. */
  async signIn(): Promise<void> {
    const { email, password } = this.#person;
    const login = ['auth', 'login', '--base-url', this.proxy.url, '--email', email, '--password-stdin'];
    for (let tries = 1; ; tries += 1) {
      const { code, stderr } = await runOrp(this.#orp, login, `${password}\n`);
      if (code === 0) return;
      if (tries === SIGN_IN_TRIES) throw new Error(`${this.name} could not sign in: ${stderr}`);
      await sleep(SIGN_IN_PAUSE_MS);
    }
  }

  /** Removes the token here, and revokes it on the server if the server is reachable. */
  async signOut(): Promise<void> {
    this.#mayLackSignIn = performance.now() - this.#startedAt < STARTED_MS;
    await orpJson(this.#orp, ['auth', 'logout']);
  }

  /** Starts the runner in continuous mode. */
  start(): void {
    if (this.#runner !== undefined) return;
    const child = this.#spawn();
    this.#runner = child;
    this.#startedAt = performance.now();
    this.#isEndWanted = false;
    this.#mayLackSignIn = false;
    child.once('exit', (code, signal) => {
      if (this.#runner === child) this.#runner = undefined;
      const isRefusal = code === 2 && this.#mayLackSignIn;
      if (!this.#isEndWanted && !isRefusal)
        this.unexpectedEnds.push(`${this.name} ended with ${code ?? signal}`);
    });
  }

  #spawn(): ChildProcess {
    const log = openSync(join(this.folder, 'runner.log'), 'a');
    const words = ['runner', 'work', '--json', '--transport', this.#transport, '--codex-bin', this.#agent];
    // The option makes the folder part of the command line, so that the check for leftovers finds the runner.
    const pace = ['--repo-root', this.#orp.cwd, '--poll-interval', '1', '--heartbeat-interval', '1'];
    const child = spawn(process.execPath, [this.#program, ...words, ...pace, ...this.#options], {
      ...this.#orp,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    return child;
  }

  /** Starts a second runner, which must exit at once with a usage error. Returns false if there was no first runner. */
  async startSecond(): Promise<boolean> {
    if (this.#runner === undefined || performance.now() - this.#startedAt < SETTLED_MS) return false;
    const second = this.#spawn();
    const limit = setTimeout(() => second.kill('SIGKILL'), SECOND_LIMIT_MS);
    const [code] = (await once(second, 'exit')) as [number | null];
    clearTimeout(limit);
    if (code !== 2) this.unexpectedEnds.push(`A second runner of ${this.name} was not refused (${code}).`);
    return true;
  }

  /** Kills only the runner with SIGKILL. The agent gets no signal. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Kills only the runner's agent server with SIGKILL. Returns false if there was none. */
  async killAgentServer(): Promise<boolean> {
    const server = await findOwnServer(this.#orp.env);
    return server !== undefined && trySignal(server.pid, 'SIGKILL');
  }

  /** Asks the runner to finish its jobs and exit. Returns false if it did not exit in time. */
  async drain(limitMs: number): Promise<boolean> {
    const limit = new Promise<false>((late) => setTimeout(() => late(false), limitMs).unref());
    return Promise.race([this.#end('SIGTERM').then(() => true as const), limit]);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const runner = this.#runner;
    if (runner === undefined) return;
    this.#isEndWanted = true;
    const ended = once(runner, 'exit');
    runner.kill(signal);
    await ended;
  }

  /** Freezes the runner, with or without its agents. Returns a function that lets them continue. */
  async freeze(withAgents: boolean): Promise<() => void> {
    const runner = this.#runner;
    if (runner?.pid === undefined) return () => undefined;
    const children = (await listProcesses()).filter(({ parentPid }) => parentPid === runner.pid);
    // The agent server may not be a child of this runner, because an earlier runner may have started it.
    const server = await findOwnServer(this.#orp.env);
    const agents = [...children, ...(server ? [server] : [])].map(({ pid }) => pid);
    const pids = [...new Set([runner.pid, ...(withAgents ? agents : [])])];
    for (const pid of pids) trySignal(pid, 'SIGSTOP');
    return () => {
      for (const pid of pids) trySignal(pid, 'SIGCONT');
    };
  }
}

/** Sends a signal. Returns false if the process has just ended. */
function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
