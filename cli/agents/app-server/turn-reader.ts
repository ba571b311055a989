/**
 * Reads the notifications of one turn. Each notification is one line of JSON, like the output of other agents. Unknown
 * notifications are ignored. An unknown item counts as an effect, because it may have had one.
 */

import type { AgentEvent, AgentReader, FailureReading, LogLevel, TurnFacts, TurnNote } from '../agent.ts';
import { isPlausibleReset } from '../failure-reading.ts';
import { type AboutTurn, aboutTurn, type Item, type TurnError } from './messages.ts';
import { NOT_ENTERED, OTHER_TURN, readTurnError } from './turn-errors.ts';

/** Items that change nothing outside the conversation. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['userMessage', 'reasoning', 'hookPrompt', 'plan']);

/** The method name for a turn whose end the server did not report. Its message is treated like an error of the model. */
const LOST_METHOD = 'orp/lost';
/** The method name for a turn that is followed from its middle. */
const JOINED_METHOD = 'orp/joined';

/** The method name for a turn of which a part was dropped, because the server reported faster than the runner could read. */
export const CUT_METHOD = 'orp/cut';

export function openTurnReader(): AgentReader {
  return new TurnReader();
}

/** The words of the runner in place of `codexErrorInfo`. */
const WHY = { other_turn: OTHER_TURN, not_entered: NOT_ENTERED } as const;

/** Returns what the runner knows about a turn, as notifications. */
export function noteLines(threadId: string, note: TurnNote): string[] {
  const line = (method: string, params: object) =>
    JSON.stringify({ method, params: { threadId, ...params } });
  if (note.kind === 'joined') return [line(JOINED_METHOD, {})];
  const turn = { id: note.turnId, status: note.kind, items: [] };
  if (note.kind === 'completed') return [line('turn/completed', { turn })];
  const error = { message: note.message, ...(note.why && { codexErrorInfo: WHY[note.why] }) };
  return [line(LOST_METHOD, { error }), line('turn/completed', { turn: { ...turn, error } })];
}

class TurnReader implements AgentReader {
  readonly turn: TurnFacts = { sessionId: undefined, state: 'unknown', hasEvents: false, hasEffect: false };
  /** The running commands, with the output that was already shown. */
  readonly #commands = new Map<string, string>();
  #diff = '';
  /** When the exhausted usage limit of the account resets, epoch ms. */
  #limitEndsAt: number | undefined;

  readLine(line: string, whole: boolean): AgentEvent[] {
    const event = whole ? parse(line) : undefined;
    if (event === undefined) return [];
    this.turn.hasEvents = true;
    this.turn.sessionId = event.params.threadId ?? this.turn.sessionId;
    return this.#read(event.method, event.params);
  }

  #read(method: string, params: AboutTurn): AgentEvent[] {
    switch (method) {
      case 'turn/started':
        this.turn.state = 'open';
        return [];
      case 'item/started':
        return params.item === undefined ? [] : this.#start(params.item);
      case 'item/completed':
        return params.item === undefined ? [] : this.#complete(params.item);
      case 'item/commandExecution/outputDelta':
        return this.#showDelta(params);
      case 'turn/diff/updated':
        this.#diff = params.diff ?? '';
        return [];
      case 'turn/plan/updated':
        return (params.plan ?? []).map(({ status, step }) => output(`[${status}] ${step}`));
      case 'thread/tokenUsage/updated':
        return readUsage(params);
      case 'account/rateLimits/updated':
        this.#limitEndsAt = endOfLimit(params) ?? this.#limitEndsAt;
        return [];
      case 'error':
        return readError(params);
      case 'turn/completed':
        return this.#end(params);
      case JOINED_METHOD:
        this.turn.hasEffect = true;
        return [];
      case CUT_METHOD:
        this.turn.hasEffect = true;
        return [
          output(
            '(the agent reported faster than the runner could read; a part of its output is missing)',
            'warn',
          ),
        ];
      case LOST_METHOD:
        return [{ kind: 'failure', message: params.error?.message ?? '', final: true }];
      default:
        return [];
    }
  }

  #start(started: Item): AgentEvent[] {
    this.#noteEffect(started);
    if (started.type !== 'commandExecution') return [];
    this.#noteCommand(started.id, '');
    return [output(`$ ${started.command ?? ''}`)];
  }

  #complete(done: Item): AgentEvent[] {
    this.#noteEffect(done);
    switch (done.type) {
      case 'agentMessage':
        return [{ kind: 'message', text: done.text ?? '' }];
      case 'commandExecution':
        return this.#endCommand(done);
      case 'reasoning':
        return (done.summary ?? []).map((line) => output(line));
      case 'fileChange':
        return (done.changes ?? []).map(({ kind, path }) => output(`${kind.type} ${path}`));
      case 'userMessage':
        return [];
      default:
        return [output(`[${done.type}]`)];
    }
  }

  #noteEffect({ type }: Item): void {
    this.turn.hasEffect ||= !WITHOUT_EFFECT.has(type);
  }

  #showDelta({ itemId = '', delta = '' }: AboutTurn): AgentEvent[] {
    this.#noteCommand(itemId, `${this.#commands.get(itemId) ?? ''}${delta}`.slice(-MOST_COMPARED));
    return [{ kind: 'log', stream: 'stdout', level: 'info', text: delta }];
  }

  #noteCommand(itemId: string, shown: string): void {
    this.#commands.set(itemId, shown);
    const [oldest] = this.#commands.keys();
    if (oldest !== undefined && this.#commands.size > MOST_COMMANDS) this.#commands.delete(oldest);
  }

  /**
   * Shows the rest of a command's output. Codex does not stream the beginning, but the ended item has the complete output.
   */
  #endCommand(done: Item): AgentEvent[] {
    const shown = this.#commands.get(done.id);
    this.#commands.delete(done.id);
    const events: AgentEvent[] = shown === undefined ? [output(`$ ${done.command ?? ''}`)] : [];
    const all = done.aggregatedOutput ?? '';
    if (all !== '' && !shown) events.push(output(all));
    else if (shown && all.length > shown.length && all.endsWith(shown)) {
      events.push(output(`(the command printed before that)\n${all.slice(0, all.length - shown.length)}`));
    }
    if (typeof done.exitCode === 'number' && done.exitCode !== 0)
      events.push(output(`(exit code ${done.exitCode})`, 'warn'));
    return events;
  }

  #readFailure(error: TurnError): FailureReading | undefined {
    const reading = readTurnError(error);
    const isLimit = reading?.kind === 'condition' && reading.code === 'usage_limited';
    return isLimit ? { ...reading, until: this.#limitEndsAt } : reading;
  }

  #end({ turn }: AboutTurn): AgentEvent[] {
    const diff: AgentEvent[] = this.#diff === '' ? [] : [output(this.#diff)];
    this.turn.state = turn?.status === 'completed' ? 'completed' : 'failed';
    if (turn?.status === 'completed') return diff;
    if (turn?.error) this.turn.reading = this.#readFailure(turn.error);
    const message = turn?.error?.message || 'The turn was interrupted in the session.';
    return [...diff, { kind: 'failure', message, final: true }];
  }
}

/** Returns the latest reset among the exhausted limits. */
function endOfLimit({ rateLimits }: AboutTurn): number | undefined {
  const ends = [rateLimits?.primary, rateLimits?.secondary]
    .filter((limit) => limit != null && limit.usedPercent >= 100)
    .map((limit) => (limit?.resetsAt ?? 0) * 1000);
  const last = Math.max(0, ...ends);
  return isPlausibleReset(last, Date.now()) ? last : undefined;
}

/** The maximum number of commands that run at the same time, so that a server cannot fill the memory of the runner. */
const MOST_COMMANDS = 64;
/** The maximum length for a comparison. Of longer output, only the end is compared. */
const MOST_COMPARED = 1024 * 1024;

function parse(line: string): { method: string; params: AboutTurn } | undefined {
  try {
    const { method, params } = JSON.parse(line) as { method: string; params: unknown };
    const read = aboutTurn.safeParse(params).data;
    return read === undefined ? undefined : { method, params: read };
  } catch {
    return undefined;
  }
}

function readUsage({ tokenUsage }: AboutTurn): AgentEvent[] {
  return tokenUsage === undefined ? [] : [{ kind: 'usage', usage: tokenUsage.last }];
}

/** Reads an error. It is not final: Codex retries, or the end of the turn repeats the error. */
function readError({ error }: AboutTurn): AgentEvent[] {
  if (error === undefined) return [];
  return [
    { kind: 'log', stream: 'stderr', level: 'error', text: withNewline(error.message) },
    { kind: 'failure', message: error.message, final: false },
  ];
}

function output(line: string, level: LogLevel = 'info'): AgentEvent {
  return { kind: 'log', stream: 'stdout', level, text: withNewline(line) };
}

function withNewline(line: string): string {
  return line.endsWith('\n') ? line : `${line}\n`;
}
