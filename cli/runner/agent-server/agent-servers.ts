/**
 * Opens sessions of Codex in an agent server, in this order:
 *
 *   the person's shared server answers  → connect to it; the runner never starts or stops this server
 *   Codex has an app-server             → use a server of this runner, which keeps running between jobs
 *   otherwise                           → use no server; each prompt runs as `codex exec`
 */

import { existsSync } from 'node:fs';
import {
  CAPABILITIES,
  type Capability,
  type EndedServer,
  type FoundSession,
  type MarkerSearch,
  type SessionDriver,
  type SessionOpening,
  type SessionTask,
} from '../../agents/agent.ts';
import { connectTo } from '../../agents/app-server/connection.ts';
import type { Connection } from '../../agents/app-server/rpc.ts';
import { ServerSession } from '../../agents/app-server/server-session.ts';
import { listActive, listSessions } from '../../agents/app-server/session-list.ts';
import { noteLines, openTurnReader } from '../../agents/app-server/turn-reader.ts';
import { findDeep } from '../../agents/app-server/turns.ts';
import { isLocked, isOpenFile } from '../../agents/session-files/disk.ts';
import {
  chooseWay,
  connectToShared,
  judgeProgram,
  noOwnServer,
  type WayChoice,
  type WaySource,
} from './choose-way.ts';
import { connectToOwnServer, findOwnServer, stopOwnServer } from './own-server.ts';
import { ownSocket, writerLock } from './places.ts';

/** How long an unused server keeps running. It uses 150 MB, but makes the next prompt start 0.4 s sooner. */
const KEPT_MS = 10 * 60_000;
/** The pause between two checks whether a session is free. A check is one call of the file system. */
const LOOK_EVERY_MS = 500;
const LOOKS_PER_TRY = 4;
const TRUSTED_AGAIN_MS = 60_000;
/** The number of checks in a week. No job waits longer. */
const MOST_LOOKS = (7 * 24 * 60 * 60_000) / LOOK_EVERY_MS;

export class AgentServers implements SessionDriver {
  readonly capabilities: ReadonlySet<Capability> = new Set(CAPABILITIES);
  readonly openReader = openTurnReader;
  readonly noteLines = noteLines;
  readonly #source: WaySource;
  readonly #sessions = new Set<ServerSession>();
  #own: Connection | undefined;
  /** Sessions that this runner left in the middle of a turn, because the turn could not be interrupted. */
  readonly #left = new Set<string>();
  /** When the lock files of sessions were found without a holder, in epoch ms. */
  readonly #leftBehind = new Map<string, number>();
  #end: NodeJS.Timeout | undefined;

  constructor(source: WaySource) {
    this.#source = source;
    // A killed runner may have left its server running, and perhaps no job arrives that would use this server.
    this.#endLater();
  }

  open(task: SessionTask): Promise<SessionOpening> {
    return this.#openFor(this.#source, task);
  }

  async reopen(task: SessionTask): Promise<SessionOpening> {
    const opening = await this.#openFor(this.#anyServer(), task);
    return opening.kind === 'no_server' ? ((await this.#openInRunning(task)) ?? opening) : opening;
  }

  /** A server may still run although its program was removed or is being replaced. */
  async #openInRunning(task: SessionTask): Promise<SessionOpening | undefined> {
    const { env } = this.#source;
    const why = 'this server still runs';
    const shared = await connectToShared(env);
    const opening = shared && (await this.#openIn(shared, { task, why, isShared: true }));
    if (opening?.kind === 'open') return opening;
    const isRunning = this.#own !== undefined || (await findOwnServer(env)) !== undefined;
    const own = this.#own ?? (isRunning ? await connectTo(ownSocket(env)) : undefined);
    return own === undefined ? opening : this.#openIn(this.#keep(own), { task, why, isShared: false });
  }

  /** A prompt that was entered into a server is found in that server, even by a runner that uses no server for new prompts. */
  #anyServer(): WaySource {
    return { ...this.#source, mode: 'auto', profile: undefined };
  }

  async #openFor(source: WaySource, task: SessionTask): Promise<SessionOpening> {
    const choice = await chooseWay(source);
    const opening = await this.#openBy(choice, task);
    return opening.kind === 'refused' ? opening : { ...opening, version: choice.program?.version };
  }

  async #openBy(choice: WayChoice, task: SessionTask): Promise<SessionOpening> {
    const { why } = choice;
    if (choice.way === 'process') return { kind: 'no_server', why };
    if (choice.way === 'shared_server') {
      const opening = await this.#openIn(choice.connection, { task, why, isShared: true });
      const isElsewhere = opening.kind === 'refused' && opening.reading?.kind === 'session_in_use';
      if (!isElsewhere || (await findOwnServer(this.#source.env)) === undefined) return opening;
      // The runner's server may have the session open, because of the last job or because of a turn that a killed runner started.
      return this.#openInOwn(choice.program.path, task, 'the session is open in the server of the runner');
    }
    return this.#openInOwn(choice.program.path, task, why);
  }

  async #openInOwn(program: string, task: SessionTask, why: string): Promise<SessionOpening> {
    // The kept connection may have ended with its server. The second try uses a new connection.
    for (let tries = 0; tries < 2; tries += 1) {
      const own = await this.#connectToOwn(program);
      if (typeof own === 'string') return { kind: 'no_server', why: noOwnServer(own) };
      const opening = await this.#openIn(own, { task, why, isShared: false });
      if (opening.kind !== 'no_server') return opening;
      this.#own = undefined;
    }
    return { kind: 'no_server', why: 'its app-server ends at once' };
  }

  async findSessions(folder: string): Promise<FoundSession[]> {
    const choice = await chooseWay(this.#source);
    if (choice.way === 'process') throw new Error(choice.why);
    const isShared = choice.way === 'shared_server';
    const connection = isShared ? choice.connection : await this.#connectToOwn(choice.program.path);
    if (typeof connection === 'string') throw new Error(noOwnServer(connection));
    try {
      return await listSessions(connection, folder);
    } finally {
      if (isShared) connection.close();
    }
  }

  async look(sessionId: string, markers: readonly string[]): Promise<MarkerSearch> {
    const judged = await judgeProgram(this.#anyServer());
    if (judged.why !== undefined) return { kind: 'unread' };
    const connection = await this.#connectToOwn(judged.program.path);
    return typeof connection === 'string' ? { kind: 'unread' } : findDeep(connection, sessionId, markers);
  }

  /**
   * Waits until the session is free. Checks the lock file, and the person's server if that has the session open. A killed
   * program leaves its lock file behind, but not the lock.
   */
  async untilFree(sessionId: string, signal: AbortSignal): Promise<boolean> {
    const lock = writerLock(this.#source.env, sessionId);
    // A process of the agent cannot work in a session that the person's server has open, even while it is idle there.
    const canShare = (await judgeProgram(this.#source)).why === undefined;
    for (let looks = 0; looks < MOST_LOOKS && !signal.aborted; looks += 1) {
      await new Promise<void>((wake) => setTimeout(wake, LOOK_EVERY_MS).unref());
      const isFree =
        !existsSync(lock) ||
        (canShare && (await this.#isIdleInShared(sessionId))) ||
        (await this.#isLeftBehind(lock, sessionId, looks));
      if (isFree) return !signal.aborted;
    }
    return false;
  }

  /** Returns whether no program holds the lock file. If the system does not report this, the runner's server tries to open the session. */
  async #isLeftBehind(lock: string, sessionId: string, looks: number): Promise<boolean> {
    const isTry = looks % LOOKS_PER_TRY === 0;
    // If the session was not free although its lock was, the lock is one that this system does not list.
    const wasWrong = Date.now() - (this.#leftBehind.get(sessionId) ?? 0) < TRUSTED_AGAIN_MS;
    const isHeld = wasWrong ? undefined : (isLocked(lock) ?? (isTry ? await isOpenFile(lock) : true));
    if (isHeld === false) this.#leftBehind.set(sessionId, Date.now());
    return isHeld === undefined ? isTry && (await this.#canOpen(sessionId)) : !isHeld;
  }

  /** The session stays loaded in the server, which the job that waits for it uses next. */
  async #canOpen(threadId: string): Promise<boolean> {
    const reply = await this.#own?.call('thread/resume', { threadId, excludeTurns: true });
    if (reply?.kind !== 'ok') return false;
    await this.#own?.call('thread/unsubscribe', { threadId });
    return true;
  }

  async #isIdleInShared(sessionId: string): Promise<boolean> {
    const shared = await connectToShared(this.#source.env);
    if (shared === undefined) return false;
    const reply = await shared.call('thread/read', { threadId: sessionId });
    shared.close();
    return reply.kind === 'ok' && reply.result.thread?.status?.type === 'idle';
  }

  /** Called when the runner exits. A server with a running turn keeps running for the next runner. */
  async end(): Promise<void> {
    clearTimeout(this.#end);
    const isUsed = await this.#isUsedByOthers();
    const isNeeded = isUsed || [...this.#sessions].some((session) => session.isBusy);
    this.#own?.close();
    if (!isNeeded) await stopOwnServer(this.#source.env);
  }

  /** Returns whether a turn of another runner of this user runs in the server. */
  async #isUsedByOthers(): Promise<boolean> {
    const { env } = this.#source;
    const isRunning = this.#own !== undefined || (await findOwnServer(env)) !== undefined;
    const connection = this.#own ?? (isRunning ? await connectTo(ownSocket(env)) : undefined);
    if (connection === undefined) return false;
    const active = await listActive(connection);
    if (connection !== this.#own) connection.close();
    return active.some((sessionId) => !this.#left.has(sessionId));
  }

  /** Returns the connection, or the reason why there is none. */
  async #connectToOwn(program: string): Promise<Connection | string> {
    if (this.#own !== undefined) return this.#own;
    const start = await connectToOwnServer(this.#source.env, program);
    if (start.kind === 'failed') return start.message;
    return this.#keep(start.connection);
  }

  /** Keeps the connection to the runner's own server until it ends. */
  #keep(connection: Connection): Connection {
    if (this.#own === connection) return connection;
    this.#own = connection;
    void connection.closed.then(() => {
      if (this.#own === connection) this.#own = undefined;
    });
    return connection;
  }

  async #openIn(
    connection: Connection,
    { task, why, isShared }: { task: SessionTask; why: string; isShared: boolean },
  ): Promise<SessionOpening> {
    const opening = await ServerSession.open(connection, task, isShared);
    if (opening.kind === 'lost') {
      connection.close();
      return { kind: 'no_server', why: opening.message };
    }
    if (opening.kind === 'refused') {
      if (isShared) connection.close();
      return opening;
    }
    return { kind: 'open', why, session: this.#watch(opening.session, isShared ? connection : undefined) };
  }

  #watch(session: ServerSession, ownConnection: Connection | undefined): ServerSession {
    clearTimeout(this.#end);
    this.#sessions.add(session);
    this.#left.delete(session.sessionId);
    const close = session.close.bind(session);
    if (ownConnection === undefined) session.endServer = () => this.#endServer();
    session.close = async () => {
      await close();
      ownConnection?.close();
      this.#sessions.delete(session);
      if (session.isBusy) this.#left.add(session.sessionId);
      if (this.#sessions.size === 0) this.#endLater();
    };
    return session;
  }

  async #endServer(): Promise<EndedServer> {
    const receipt = await stopOwnServer(this.#source.env);
    return receipt ?? { processes: 0, left: 0, signal: 'none' };
  }

  #endLater(): void {
    clearTimeout(this.#end);
    this.#end = setTimeout(async () => {
      const isUsed = await this.#isUsedByOthers().catch(() => false);
      if (this.#sessions.size > 0) return;
      if (isUsed) return this.#endLater();
      this.#own?.close();
      void stopOwnServer(this.#source.env).catch(() => undefined);
    }, KEPT_MS);
    this.#end.unref();
  }
}
