/**
 * Opens sessions of Codex in an agent server, in this order:
 *
 *   the person's shared server answers  → attach to it; it is never started or stopped
 *   Codex has an app-server             → a server of this runner, kept between jobs
 *   otherwise                           → none: each prompt runs as `codex exec`
 */

import { existsSync } from 'node:fs';
import type {
  DrivenWay,
  EnteredTurn,
  FoundProgram,
  SessionDriver,
  SessionOpening,
  SessionTask,
} from '../../agents/agent.ts';
import { connectTo } from '../../agents/app-server/connection.ts';
import type { Connection } from '../../agents/app-server/rpc.ts';
import { findTurn, ServerSession } from '../../agents/app-server/server-session.ts';
import { openTurnReader } from '../../agents/app-server/turn-reader.ts';
import { whyNoServer } from '../../agents/codex-version.ts';
import { connectToOwnServer, stopOwnServer } from './own-server.ts';
import { isOwnSocket, sharedSocket, writerLock } from './places.ts';

/** How the runner talks to Codex: `--agent-mode`. */
export const AGENT_MODES = ['auto', 'exec'] as const;
export type AgentMode = (typeof AGENT_MODES)[number];

export interface AgentServersOptions {
  env: NodeJS.ProcessEnv;
  mode: AgentMode;
  /** The configuration profile of the owner; a server has none. */
  profile?: string | undefined;
  findProgram(): Promise<FoundProgram>;
  /** Hears the way of each session that is opened. */
  onWay?(driven: DrivenWay): void;
}

/** A server that nobody needs uses 150 MB; the next prompt within this time starts 0.4 s sooner. */
const KEPT_MS = 10 * 60_000;
/** A free session is noticed within half a second. A look costs one call of the file system. */
const LOOK_EVERY_MS = 500;
/** A week: no job waits longer. */
const MOST_LOOKS = (7 * 24 * 60 * 60_000) / LOOK_EVERY_MS;

export class AgentServers implements SessionDriver {
  readonly openReader = openTurnReader;
  readonly #options: AgentServersOptions;
  readonly #sessions = new Set<ServerSession>();
  #own: Connection | undefined;
  #hasOwn = false;
  #end: NodeJS.Timeout | undefined;

  constructor(options: AgentServersOptions) {
    this.#options = options;
  }

  async open(task: SessionTask): Promise<SessionOpening> {
    const opening = await this.#open(task);
    if (opening.kind === 'no_server') this.#options.onWay?.({ way: 'process', why: opening.why });
    return opening;
  }

  async #open(task: SessionTask): Promise<SessionOpening> {
    const why = await this.#whyNone();
    if (why !== undefined) return { kind: 'no_server', why };
    const shared = await this.#connectToShared();
    if (shared !== undefined) {
      this.#options.onWay?.({ way: 'shared_server', why: 'its owner runs a shared server' });
      return this.#openIn(shared, task, true);
    }
    // A connection that was kept may have ended with its server: the second one is new.
    for (let tries = 0; tries < 2; tries += 1) {
      const own = await this.#connectToOwn();
      if (typeof own === 'string')
        return { kind: 'no_server', why: `its app-server could not be used: ${own}` };
      const opening = await this.#openIn(own, task, false);
      if (opening.kind !== 'no_server') {
        this.#options.onWay?.({ way: 'own_server', why: 'no shared server runs' });
        return opening;
      }
      this.#own = undefined;
    }
    return { kind: 'no_server', why: 'its app-server ends at once' };
  }

  async look(sessionId: string, markers: readonly string[]): Promise<EnteredTurn | undefined> {
    if ((await this.#whyNone()) !== undefined) return undefined;
    const connection = await this.#connectToOwn();
    return typeof connection === 'string' ? undefined : findTurn(connection, sessionId, markers);
  }

  /**
   * Looks at the disk, and at the person's server when it has the session. A program that was killed leaves its lock file behind:
   * then the pause of the server ends the wait.
   */
  async untilFree(sessionId: string, signal: AbortSignal): Promise<boolean> {
    const lock = writerLock(this.#options.env, sessionId);
    for (let looks = 0; looks < MOST_LOOKS && !signal.aborted; looks += 1) {
      await new Promise<void>((wake) => setTimeout(wake, LOOK_EVERY_MS).unref());
      if (!existsSync(lock) || (await this.#isIdleInShared(sessionId))) return !signal.aborted;
    }
    return false;
  }

  async #isIdleInShared(sessionId: string): Promise<boolean> {
    const shared = await this.#connectToShared();
    if (shared === undefined) return false;
    const reply = await shared.call('thread/read', { threadId: sessionId });
    shared.close();
    return reply.kind === 'ok' && reply.result.thread?.status?.type === 'idle';
  }

  /** The runner ends. A server whose turn still runs is left to the next runner. */
  async end(): Promise<void> {
    clearTimeout(this.#end);
    const isNeeded = [...this.#sessions].some((session) => session.isBusy);
    this.#own?.close();
    if (this.#hasOwn && !isNeeded) await stopOwnServer(this.#options.env);
  }

  async #whyNone(): Promise<string | undefined> {
    const { mode, profile, findProgram } = this.#options;
    if (mode === 'exec') return 'the runner was started with --agent-mode exec';
    if (profile) return 'a configuration profile is set, which the app-server does not take';
    const program = await findProgram();
    return program.kind === 'missing' ? program.message : whyNoServer(program.path, this.#options.env);
  }

  async #connectToShared(): Promise<Connection | undefined> {
    const path = sharedSocket(this.#options.env);
    return isOwnSocket(path) ? connectTo(path) : undefined;
  }

  /** The connection, or why there is none. */
  async #connectToOwn(): Promise<Connection | string> {
    if (this.#own !== undefined) return this.#own;
    const program = await this.#options.findProgram();
    if (program.kind === 'missing') return program.message;
    const start = await connectToOwnServer(this.#options.env, program.path);
    if (start.kind === 'failed') return start.message;
    const { connection } = start;
    this.#own = connection;
    this.#hasOwn = true;
    void connection.closed.then(() => {
      if (this.#own === connection) this.#own = undefined;
    });
    return connection;
  }

  async #openIn(connection: Connection, task: SessionTask, isShared: boolean): Promise<SessionOpening> {
    const opening = await ServerSession.open(connection, task, isShared);
    if (opening.kind === 'lost') {
      connection.close();
      return { kind: 'no_server', why: opening.message };
    }
    if (opening.kind === 'refused') {
      if (isShared) connection.close();
      return opening;
    }
    return { kind: 'open', session: this.#watch(opening.session, isShared ? connection : undefined) };
  }

  #watch(session: ServerSession, ownConnection: Connection | undefined): ServerSession {
    clearTimeout(this.#end);
    this.#sessions.add(session);
    const close = session.close.bind(session);
    session.close = async () => {
      await close();
      ownConnection?.close();
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#endLater();
    };
    return session;
  }

  #endLater(): void {
    clearTimeout(this.#end);
    this.#end = setTimeout(() => {
      if (this.#sessions.size > 0) return;
      this.#own?.close();
      void stopOwnServer(this.#options.env).catch(() => undefined);
    }, KEPT_MS);
    this.#end.unref();
  }
}
