/** One person's machine: a linked repository with sessions, and its runner, which is killed, put to sleep and started again. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJsonObject } from '../../../cli/files/json-file.ts';
import { codexHome, serverRecordPath } from '../../../cli/runner/agent-server/places.ts';
import { listProcesses } from '../../../cli/runner/process/process-table.ts';
import { makeRepository } from '../../../scripts/demo/stage.ts';
import { isolatedEnv, orpJson, runOrp } from '../../../scripts/local/orp-command.ts';
import { projectPath } from '../../../scripts/local/project-path.ts';
import type { Where } from '../../../scripts/local/run-process.ts';
import { installCodex } from './install-codex.ts';
import { SESSIONS_PER_MACHINE } from './plan.ts';
import type { ChaosProxy } from './proxy.ts';

/** A runner that has been up for so long holds its lock. */
const SETTLED_MS = 4000;
const SECOND_LIMIT_MS = 60_000;
const SIGN_IN_TRIES = 60;
const SIGN_IN_PAUSE_MS = 500;
export const TRANSPORTS = ['ws', 'sse', 'poll', 'auto'] as const;

export class ChaosMachine {
  readonly name: string;
  readonly folder: string;
  readonly proxy: ChaosProxy;
  readonly #transport: (typeof TRANSPORTS)[number];
  /** Every other machine works on two jobs at once, and every third one starts a process for each prompt. */
  readonly #options: string[];
  readonly #orp: Where;
  readonly #agent: string;
  #person = { email: '', password: '' };
  #ideaId = '';
  #machineId = '';
  #runner: ChildProcess | undefined;
  #startedAt = 0;
  #isEndWanted = false;
  /** How often the runner left without being asked. */
  unexpectedEnds: string[] = [];

  constructor(at: number, folder: string, proxy: ChaosProxy) {
    this.name = `m${at}`;
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

  /** Where the agent keeps the transcripts of its sessions. */
  get transcripts(): string {
    return join(codexHome(this.#orp.env), 'sessions');
  }

  /** Where the local records of the repository are. */
  get link(): string {
    return join(this.#orp.cwd, '.git', 'orp');
  }

  get config(): string {
    return join(this.folder, 'config');
  }

  sessionId(session: number): string {
    return `${this.name}-s${session}`;
  }

  /** Signs in and links the repository, all through the proxy. */
  async setUp(person: { email: string; password: string }): Promise<void> {
    const run = <Document>(words: string[]) => orpJson<Document>(this.#orp, words);
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

  /** Tries until it succeeds: the network may fail this, too. */
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

  /** The token is gone here, and dead on the service unless that could not be reached. */
  async signOut(): Promise<void> {
    await orpJson(this.#orp, ['auth', 'logout']);
  }

  /** Starts the runner in continuous mode. */
  start(): void {
    if (this.#runner !== undefined) return;
    const child = this.#spawn();
    this.#runner = child;
    this.#startedAt = performance.now();
    this.#isEndWanted = false;
    child.once('exit', (code, signal) => {
      if (this.#runner === child) this.#runner = undefined;
      if (!this.#isEndWanted) this.unexpectedEnds.push(`${this.name} ended with ${code ?? signal}`);
    });
  }

  #spawn(): ChildProcess {
    const log = openSync(join(this.folder, 'runner.log'), 'a');
    const words = ['runner', 'work', '--json', '--transport', this.#transport, '--codex-bin', this.#agent];
    // Named, so that whoever looks for what is left of this machine finds its runners, too.
    const pace = ['--repo-root', this.#orp.cwd, '--poll-interval', '1', '--heartbeat-interval', '1'];
    const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...words, ...pace, ...this.#options], {
      ...this.#orp,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    return child;
  }

  /** Somebody starts another runner here: it has to leave at once, as a usage error. False: there was no first one. */
  async startSecond(): Promise<boolean> {
    if (this.#runner === undefined || performance.now() - this.#startedAt < SETTLED_MS) return false;
    const second = this.#spawn();
    const limit = setTimeout(() => second.kill('SIGKILL'), SECOND_LIMIT_MS);
    const [code] = (await once(second, 'exit')) as [number | null];
    clearTimeout(limit);
    if (code !== 2) this.unexpectedEnds.push(`A second runner of ${this.name} was not refused (${code}).`);
    return true;
  }

  /** SIGKILL to the runner alone: nobody tells its agent. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** SIGKILL to the agent server of the runner, and to nothing else. False: there was none. */
  killAgentServer(): boolean {
    const pid = readJsonObject(serverRecordPath(this.#orp.env))?.pid;
    return typeof pid === 'number' && trySignal(pid, 'SIGKILL');
  }

  /** The runner finishes what it has, and leaves. Undefined: it did not within the time. */
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

  /** Holds the runner, with or without its agent. Returns how to let them go on. */
  async freeze(withAgents: boolean): Promise<() => void> {
    const runner = this.#runner;
    if (runner?.pid === undefined) return () => undefined;
    const agents = withAgents
      ? (await listProcesses()).filter(({ parentPid }) => parentPid === runner.pid)
      : [];
    const pids = [runner.pid, ...agents.map(({ pid }) => pid)];
    for (const pid of pids) trySignal(pid, 'SIGSTOP');
    return () => {
      for (const pid of pids) trySignal(pid, 'SIGCONT');
    };
  }
}

/** False: it has just ended. */
function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
