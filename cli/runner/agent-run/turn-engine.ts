/**
 * Runs a prompt as a turn in an agent server. If the server or the connection ends, it opens the session again and finds the
 * turn in the transcript. If the turn still runs, it follows the turn.
 *
 * A person may begin a turn at the same moment. The agent then adds the prompt to that turn. The runner follows it and reports
 * the answer to its own prompt, but interrupts it only for a cancel, or if the turn lacks the sandbox that the policy requires.
 */

import type {
  AgentSession,
  EnteredTurn,
  SessionDriver,
  SessionTask,
  TurnEnd,
  TurnNote,
} from '../../agents/agent.ts';
import { pause } from '../../base/pause.ts';
import type { ChildEnd, ChildOutput, ChildStart } from '../process/child.ts';
import type { StopReason } from '../process/stop-switch.ts';
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
  /** Absent if the prompt was entered before. */
  prompt?: string;
  /** A turn that runs and has read the prompt, or may still read it. */
  entered?: EnteredIn | undefined;
}

/** The running turn of a prompt that was entered before. */
export interface EnteredIn {
  turnId: string;
  /** The turn has not read the prompt yet. */
  isPending?: boolean | undefined;
  /** Another client began the turn. */
  isJoined?: boolean | undefined;
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
      server: plan.session.how,
      limit_ms: limitMs,
    }),
    async start(_tag, output): Promise<ChildStart> {
      const started = await begin(plan);
      if (typeof started === 'string') return { kind: 'refused', message: started };
      const turn = new TurnRun(plan, { ...started, output });
      run = turn;
      // A turn runs in the agent server, so this runner has no process for it.
      const mark = { pid: 0, startTime: undefined };
      return { kind: 'running', child: { mark, ended: turn.ended, stop: (reason) => turn.stop(reason) } };
    },
    openReader: () => driver.openReader(),
    abandon: () => plan.session.close(),
    readAnswer: async () => run?.answer,
  };
}

/** What happened to a prompt. */
interface Begun {
  session: AgentSession;
  state:
    | { kind: 'runs'; turn: EnteredIn; isNew: boolean }
    | { kind: 'over'; turn: EnteredTurn }
    /** A turn of another client runs, so the prompt was not entered. */
    | { kind: 'taken' }
    | { kind: 'not_entered' }
    | { kind: 'unknown' };
}

/** Enters the prompt. Returns the reason if the agent cannot be used and the prompt was certainly not entered. */
async function begin(plan: TurnPlan): Promise<Begun | string> {
  const { session, marker, prompt, entered } = plan;
  if (entered !== undefined) return { session, state: { kind: 'runs', turn: entered, isNew: false } };
  // Codex would add the prompt to that turn, which has its own settings.
  if (session.isBusy) return { session, state: { kind: 'taken' } };
  const entry = await session.enter(prompt ?? '', marker);
  if (entry.kind === 'entered') {
    return { session, state: { kind: 'runs', turn: { turnId: entry.turnId, isPending: true }, isNew: true } };
  }
  if (entry.proof === 'busy') return { session, state: { kind: 'taken' } };
  await session.close();
  if (entry.proof === 'certain') return entry.message;
  const begun = await findAgain(plan, session);
  if (begun.state.kind !== 'not_entered') return begun;
  // The server may still begin the turn.
  if (entry.proof === 'late') return { ...begun, state: { kind: 'unknown' } };
  await begun.session.close();
  return entry.message;
}

/** Opens the session again after its server or the connection has ended. Returns what happened to the prompt. */
async function findAgain(plan: TurnPlan, session: AgentSession): Promise<Begun> {
  const again = await reopen({ ...plan, how: session.how }, plan.marker);
  if (again.kind === 'held') {
    const { turn } = again;
    return { session, state: turn === undefined ? { kind: 'not_entered' } : { kind: 'over', turn } };
  }
  if (again.kind !== 'open') return { session, state: { kind: 'unknown' } };
  const { found } = again;
  return { session: again.session, state: stateOf(found) };
}

function stateOf(
  found: Extract<Awaited<ReturnType<typeof reopen>>, { kind: 'open' }>['found'],
): Begun['state'] {
  switch (found.kind) {
    case 'none':
      return { kind: 'not_entered' };
    case 'pending':
      return { kind: 'runs', turn: { ...found, isPending: true }, isNew: false };
    case 'found':
      return found.turn.status === 'running'
        ? { kind: 'runs', turn: found.turn, isNew: false }
        : { kind: 'over', turn: found.turn };
  }
}

/** How long an interrupted turn may take to end. A real turn takes about 31 ms. */
const INTERRUPT_LIMIT_MS = 5000;
/** The pause after the connection to a running turn was lost grows by this, up to the limit. */
const LOSS_PAUSE_MS = 250;
const LONGEST_LOSS_PAUSE_MS = 5000;

class TurnRun {
  readonly ended: Promise<ChildEnd>;
  answer: string | undefined;
  readonly #plan: TurnPlan;
  readonly #output: ChildOutput;
  #turnId: string | undefined;
  #session: AgentSession;
  /** True if a part of the turn was not heard. */
  #isPartial = false;
  /** True if another client began the turn. */
  #isForeign = false;
  #stopping: Promise<StopReceipt> | undefined;
  #isAbandoned = false;
  #giveUp: () => void = () => undefined;

  constructor(plan: TurnPlan, { output, ...begun }: Begun & { output: ChildOutput }) {
    this.#plan = plan;
    this.#output = output;
    this.#session = begun.session;
    const abandoned = new Promise<void>((settle) => {
      this.#giveUp = settle;
    });
    this.ended = Promise.race([this.#reachEnd(begun), abandoned]).then(async () => {
      await this.#session.close();
      return { exitCode: 0, signal: null };
    });
  }

  stop(reason: StopReason | undefined): Promise<StopReceipt> {
    this.#stopping ??= this.#isForeign && reason?.kind !== 'cancelled' ? this.#leave() : this.#interrupt();
    return this.#stopping;
  }

  /** Stops following the turn of another client. The turn continues. */
  async #leave(): Promise<StopReceipt> {
    this.#isAbandoned = true;
    this.#giveUp();
    return { processes: 0, left: 1, signal: 'none', tookMs: 0, isTurn: true, isForeign: true };
  }

  async #interrupt(): Promise<StopReceipt> {
    const from = performance.now();
    let isOver = (await this.#askInterrupt()) && (await this.#endsSoon());
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

  /** Returns false if the driver cannot interrupt a turn. */
  async #askInterrupt(): Promise<boolean> {
    if (!this.#plan.driver.capabilities.has('interrupt')) return false;
    if (this.#turnId !== undefined) await this.#session.interrupt(this.#turnId);
    return true;
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

  async #reachEnd(begun: Omit<Begun, 'output'>): Promise<void> {
    let { state } = begun;
    for (let lost = 1; !this.#isAbandoned; lost += 1) {
      if (state.kind !== 'runs') return this.#conclude(state);
      const { turn, isNew } = state;
      // A turn with another id is not the one that the server began for the prompt.
      this.#isForeign = turn.isJoined === true || (this.#turnId ?? turn.turnId) !== turn.turnId;
      this.#turnId = turn.turnId;
      if (!isNew && !turn.isPending) await this.#join();
      // The first interrupt may have been lost with the connection.
      if (!isNew && this.#stopping !== undefined) await this.#askInterrupt();
      const end = await this.#follow(turn);
      if (end.kind === 'ended') return this.#finish(end);
      await pause(Math.min((lost - 1) * LOSS_PAUSE_MS, LONGEST_LOSS_PAUSE_MS));
      state = await this.#findAgain();
    }
  }

  #follow({ turnId, isPending }: EnteredIn): Promise<TurnEnd> {
    const { marker, prompt = '' } = this.#plan;
    const awaits = { marker, prompt, isJoined: this.#isForeign };
    return this.#session.follow(turnId, {
      take: (line) => this.#take(line),
      awaits: isPending ? awaits : undefined,
      onJoined: () => this.#noteForeign(),
    });
  }

  #noteForeign(): void {
    this.#isForeign = true;
    if (this.#isForbidden) void this.#askInterrupt();
  }

  /** The turn of another client does not have the sandbox that the policy requires. */
  get #isForbidden(): boolean {
    return this.#isForeign && this.#plan.task.settings?.sandbox !== undefined;
  }

  async #finish(end: Extract<TurnEnd, { kind: 'ended' }>): Promise<void> {
    if (!this.#isForeign) {
      this.answer = end.answer ?? (await this.#findAnswer());
      return;
    }
    const search = await this.#session.find([this.#plan.marker], true);
    // Another turn may run by now. If the turn of this prompt ended before it read the prompt, the agent has dropped the prompt.
    if (search.kind !== 'found' && !end.isRead) {
      return this.#conclude({ kind: search.kind === 'unread' ? 'unknown' : 'taken' });
    }
    if (this.#isForbidden) return this.#fail(FORBIDDEN_END);
    this.answer = search.kind === 'found' ? search.turn.answer : end.answer;
    if (!end.isRead && search.kind === 'found') await this.#conclude({ kind: 'over', turn: search.turn });
  }

  /** Records that the runner follows the turn from now on. It does not know what the turn did before. */
  async #join(): Promise<void> {
    this.#isPartial = true;
    await this.#note({ kind: 'joined' });
  }

  /** The answer may have arrived while the runner was not listening. */
  async #findAnswer(): Promise<string | undefined> {
    if (!this.#isPartial) return undefined;
    const search = await this.#session.find([this.#plan.marker]);
    return search.kind === 'found' && search.turn.status === 'completed' ? search.turn.answer : undefined;
  }

  async #findAgain(): Promise<Begun['state']> {
    const { session, state } = await findAgain(this.#plan, this.#session);
    if (session !== this.#session) {
      await this.#session.close();
      this.#session = session;
      // Close the session here, because no other code closes it later.
      if (this.#isAbandoned) await session.close();
    }
    return state;
  }

  async #conclude(state: Exclude<Begun['state'], { kind: 'runs' }>): Promise<void> {
    switch (state.kind) {
      case 'taken':
        return this.#fail('Another turn runs in the session.', 'other_turn');
      case 'not_entered':
        return this.#fail(NOT_ENTERED_END, 'not_entered');
      case 'unknown':
        return this.#fail(UNKNOWN_END);
      case 'over': {
        const { turn } = state;
        this.answer = turn.answer;
        if (turn.status !== 'completed') return this.#fail(turn.error ?? INTERRUPTED_END);
        // The event for the end of the turn was missed, so take the end from the transcript.
        return this.#note({ kind: 'completed', turnId: turn.turnId });
      }
    }
  }

  #fail(message: string, why?: 'other_turn' | 'not_entered'): Promise<void> {
    return this.#note({ kind: 'failed', turnId: this.#turnId ?? '', message, ...(why && { why }) });
  }

  async #note(note: TurnNote): Promise<void> {
    const { driver, task } = this.#plan;
    for (const line of driver.noteLines(task.sessionId, note)) await this.#take(line);
  }

  async #take(line: string): Promise<void> {
    await this.#output.stdout(new TextEncoder().encode(`${line}\n`));
  }
}

const UNKNOWN_END =
  'The agent server ended or did not answer, and the session could not be opened again: it is unknown what happened to the prompt.';
const INTERRUPTED_END =
  'The agent server ended in the middle of the turn. The transcript of the session shows the turn as interrupted.';
const NOT_ENTERED_END =
  'The agent server ended before it had written the prompt into the transcript of the session; nothing ran.';
const FORBIDDEN_END =
  'A turn of another client began at the same moment, and Codex added the prompt to it. That turn does not have the sandbox that the policy of this machine requires, so the runner interrupted it.';
