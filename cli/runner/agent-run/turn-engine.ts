/**
 * Runs a prompt as a turn in an agent server. If the server or the connection ends, it opens the session again and finds the
 * turn in the transcript. If the turn still runs, it follows the turn.
 */

import type { AgentSession, EnteredTurn, SessionDriver, SessionTask } from '../../agents/agent.ts';
import { OTHER_TURN } from '../../agents/app-server/turn-errors.ts';
import { JOINED_METHOD, LOST_METHOD } from '../../agents/app-server/turn-reader.ts';
import type { ChildEnd, ChildOutput, ChildStart } from '../process/child.ts';
import type { StopReceipt } from '../process/terminate.ts';
import type { Engine } from './engine.ts';
import { reopen } from './reopen.ts';

export interface TurnPlan {
  driver: SessionDriver;
  task: SessionTask;
  agent: string | undefined;
  session: AgentSession;
  /** The marker of this prompt. */
  marker: string;
  /** Absent if `turnId` is a turn that was entered before and still runs. */
  prompt?: string;
  turnId?: string;
}

export function turnEngine(plan: TurnPlan): Engine {
  const { driver, task, marker } = plan;
  let run: TurnRun | undefined;
  return {
    sessionId: task.sessionId,
    command: `codex app-server (${plan.session.how === 'shared_server' ? 'shared' : 'own'})`,
    noteBefore: (_tag, limitMs) => ({
      record: 'entering',
      at_utc: new Date().toISOString(),
      session_id: task.sessionId,
      marker,
      agent: plan.agent,
      cwd: task.cwd,
      limit_ms: limitMs,
    }),
    async start(_tag, output): Promise<ChildStart> {
      const started = await begin(plan);
      if (typeof started === 'string') return { kind: 'refused', message: started };
      const turn = new TurnRun(plan, { ...started, output });
      run = turn;
      // A turn runs in the agent server, so this runner has no process for it.
      const mark = { pid: 0, startTime: undefined };
      return { kind: 'running', child: { mark, ended: turn.ended, stop: () => turn.stop() } };
    },
    openReader: () => driver.openReader(),
    abandon: () => plan.session.close(),
    readAnswer: async () => run?.answer,
  };
}

/** A prompt that was entered. */
interface Begun {
  session: AgentSession;
  /** Undefined if the runner does not know whether the prompt was entered, or how its turn ended. */
  turnId: string | undefined;
  /** The turn has ended already. */
  ended?: EnteredTurn;
  /** A turn of somebody else runs, so the prompt was not entered. */
  isTaken?: boolean;
}

/** Enters the prompt. Returns the reason if the prompt was certainly not entered. */
async function begin(plan: TurnPlan): Promise<Begun | string> {
  const { session, marker, prompt, turnId } = plan;
  if (turnId !== undefined) return { turnId, session };
  // Codex would add the prompt to that turn, which has its own settings.
  if (session.isBusy) return { turnId: undefined, session, isTaken: true };
  const entry = await session.enter(prompt ?? '', marker);
  if (entry.kind === 'entered') return { turnId: entry.turnId, session };
  await session.close();
  if (entry.isCertain) return entry.message;
  // The answer was lost, so the prompt may have been entered.
  const again = await reopen(plan, marker);
  if (again.kind === 'unknown') return { turnId: undefined, session };
  const { turn } = again;
  const open = again.kind === 'open' ? again.session : session;
  if (turn === undefined) {
    await open.close();
    return entry.message;
  }
  const begun = { turnId: turn.turnId, session: open };
  return turn.status === 'running' ? begun : { ...begun, ended: turn };
}

/** How long an interrupted turn may take to end. A real turn takes about 31 ms. */
const INTERRUPT_LIMIT_MS = 5000;
/** How often the connection to a running turn may be lost. */
const MOST_LOSSES = 3;

class TurnRun {
  readonly ended: Promise<ChildEnd>;
  answer: string | undefined;
  readonly #plan: TurnPlan;
  readonly #output: ChildOutput;
  readonly #turnId: string | undefined;
  #session: AgentSession;
  /** True if a part of the turn was not heard. */
  #isJoined = false;
  #stopping: Promise<StopReceipt> | undefined;
  #isAbandoned = false;
  #giveUp: () => void = () => undefined;

  constructor(plan: TurnPlan, from: Begun & { output: ChildOutput }) {
    this.#plan = plan;
    this.#output = from.output;
    this.#turnId = from.turnId;
    this.#session = from.session;
    const abandoned = new Promise<void>((settle) => {
      this.#giveUp = settle;
    });
    this.ended = Promise.race([this.#reachEnd(from), abandoned]).then(async () => {
      await this.#session.close();
      return { exitCode: 0, signal: null };
    });
  }

  stop(): Promise<StopReceipt> {
    this.#stopping ??= this.#interrupt();
    return this.#stopping;
  }

  async #interrupt(): Promise<StopReceipt> {
    const from = performance.now();
    if (this.#turnId !== undefined) await this.#session.interrupt(this.#turnId);
    let isOver = await this.#endsSoon();
    // The commands of the turn may still run, although the agent server does not answer.
    const ended = isOver ? undefined : await this.#session.endServer?.();
    if (ended !== undefined) isOver = await this.#endsSoon();
    if (!isOver) {
      this.#isAbandoned = true;
      this.#giveUp();
    }
    const tookMs = Math.round(performance.now() - from);
    if (ended !== undefined) return { ...ended, tookMs };
    return { processes: 0, left: isOver ? 0 : 1, signal: 'none', tookMs, isTurn: true };
  }

  async #endsSoon(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((settle) => {
      timer = setTimeout(() => settle(false), INTERRUPT_LIMIT_MS);
    });
    const isOver = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    return isOver;
  }

  async #reachEnd({ turnId, ended, isTaken }: Begun): Promise<void> {
    if (isTaken)
      return this.#fail({ message: 'Another turn runs in the session.', codexErrorInfo: OTHER_TURN });
    if (turnId === undefined || ended !== undefined) return this.#conclude(ended);
    if (this.#plan.turnId !== undefined || this.#session !== this.#plan.session) await this.#join();
    for (let lost = 0; !this.#isAbandoned; lost += 1) {
      const end = await this.#session.follow(turnId, (line) => this.#take(line));
      if (end.kind === 'ended') {
        this.answer = end.answer ?? (await this.#findAnswer());
        return;
      }
      if (lost === MOST_LOSSES) return this.#conclude(undefined);
      const found = await this.#reopen();
      if (found?.status !== 'running') return this.#conclude(found);
      await this.#join();
      // The first interrupt may have been lost with the connection.
      if (this.#stopping !== undefined) await this.#session.interrupt(turnId);
    }
  }

  /** Records that the runner follows the turn from now on. It does not know what the turn did before. */
  async #join(): Promise<void> {
    this.#isJoined = true;
    await this.#tell(JOINED_METHOD, {});
  }

  /** The answer may have arrived while the runner was not listening. */
  async #findAnswer(): Promise<string | undefined> {
    if (!this.#isJoined) return undefined;
    const search = await this.#session.find([this.#plan.marker]);
    return search.kind === 'found' && search.turn.status === 'completed' ? search.turn.answer : undefined;
  }

  /** Opens the session again and returns the turn of the prompt from the transcript. Undefined if it is unknown. */
  async #reopen(): Promise<EnteredTurn | undefined> {
    const again = await reopen(this.#plan, this.#plan.marker);
    if (again.kind === 'unknown') return undefined;
    if (again.kind === 'open') {
      await this.#session.close();
      this.#session = again.session;
      // No other code closes it later.
      if (this.#isAbandoned) await again.session.close();
    }
    return again.turn;
  }

  async #conclude(found: EnteredTurn | undefined): Promise<void> {
    this.answer = found?.answer;
    if (found?.status === 'completed') {
      // The event for the end of the turn was missed, so take the end from the transcript.
      await this.#tell('turn/completed', { turn: { id: found.turnId, status: 'completed', items: [] } });
      return;
    }
    await this.#fail({ message: found === undefined ? UNKNOWN_END : (found.error ?? INTERRUPTED_END) });
  }

  async #fail(error: { message: string; codexErrorInfo?: string }): Promise<void> {
    await this.#tell(LOST_METHOD, { error });
    const id = this.#turnId ?? '';
    await this.#tell('turn/completed', { turn: { id, status: 'failed', items: [], error } });
  }

  #tell(method: string, params: object): Promise<void> {
    return this.#take(JSON.stringify({ method, params: { threadId: this.#plan.task.sessionId, ...params } }));
  }

  async #take(line: string): Promise<void> {
    await this.#output.stdout(new TextEncoder().encode(`${line}\n`));
  }
}

const UNKNOWN_END =
  'The agent server ended in the middle of the turn, and the session could not be opened again: it is unknown what happened to the prompt.';
const INTERRUPTED_END =
  'The agent server ended in the middle of the turn. The transcript of the session shows the turn as interrupted.';
