/**
 * Writes the output of an agent to the spool. It splits bytes into lines, reads events, redacts secrets and writes numbered
 * chunks. It also collects the facts that the runner needs: the answer, the reason of a failure, the last output.
 */

import type {
  Agent,
  AgentEvent,
  AgentUsage,
  LogLevel,
  OutputStream,
  TranscriptStream,
  TurnFacts,
} from '../../agents/agent.ts';
import { FailureText } from '../../agents/failure-text.ts';
import { LineSplitter, type SplitLine } from '../../agents/line-splitter.ts';
import { messageOf } from '../../base/exit.ts';
import { MessageRedactor, redactText } from '../redaction/redact.ts';
import { ChunkBuffer, type Piece } from '../spool/chunk-buffer.ts';
import type { LeaseSpool } from '../spool/lease-spool.ts';
import { RedactedTail } from './redacted-tail.ts';

export interface TranscriptOptions {
  agent: Pick<Agent, 'openReader'>;
  spool: Pick<LeaseSpool, 'addChunk' | 'keepInMind'>;
  /** Secret values that must not leave this machine. */
  secrets: readonly string[];
  /** The requested session. If absent, the runner accepts any session. */
  sessionId?: string;
  /** Called if the agent reports another session. From then on, its output is dropped. */
  onOtherSession?(said: string): void;
  /** Called after every chunk that was written. */
  onChunk(): void;
}

/** The server keeps 20 MiB of an attempt (`ATTEMPT_LIMIT_BYTES`), so more would only fill this disk. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** The rest of the 20 MiB, minus space for the sentences of the runner. */
const MAX_MESSAGE_BYTES = 3 * 1024 * 1024;
/** Longer lines of stderr are cut into pieces. */
const MAX_STDERR_LINE = 64 * 1024;

export class Transcript {
  readonly failure = new FailureText();
  readonly #options: TranscriptOptions;
  readonly #reader;
  readonly #buffer: ChunkBuffer;
  readonly #splitters = { stdout: new LineSplitter(), stderr: new LineSplitter(MAX_STDERR_LINE) };
  readonly #taps;
  readonly #messages: MessageRedactor;
  #outputBytes = 0;
  #messageBytes = 0;
  #lastMessage: string | undefined;
  #usage: AgentUsage | undefined;
  #diskError: string | undefined;
  #otherSession: string | undefined;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#reader = options.agent.openReader();
    this.#taps = { stdout: new RedactedTail(options.secrets), stderr: new RedactedTail(options.secrets) };
    this.#messages = new MessageRedactor(options.secrets);
    this.#buffer = new ChunkBuffer((piece) => this.#write(piece));
  }

  /** The last message of the agent, unredacted. */
  get lastMessage(): string | undefined {
    return this.#lastMessage;
  }

  /** The facts that the agent's events prove. */
  get turn(): Readonly<TurnFacts> {
    return this.#reader.turn;
  }

  /** The session that the agent uses instead of the requested session. */
  get otherSession(): string | undefined {
    return this.#otherSession;
  }

  /** Redacts the agent's answer together with the previous message, because a secret may begin there. */
  redactAnswer(text: string): string {
    return this.#messages.answer(text);
  }

  get usage(): AgentUsage | undefined {
    return this.#usage;
  }

  /** The last output of a stream, redacted. */
  tailOf(stream: OutputStream): string {
    return this.#taps[stream].tail;
  }

  /** Accepts bytes of stdout. Settles when they are processed, so that the agent cannot print faster than the disk writes. */
  takeStdout(bytes: Uint8Array): Promise<void> {
    return this.#readStdout(this.#splitters.stdout.push(bytes));
  }

  takeStderr(bytes: Uint8Array): Promise<void> {
    return this.#readStderr(this.#splitters.stderr.push(bytes));
  }

  /** Adds a sentence of the runner itself. */
  say(text: string, level: LogLevel = 'info'): Promise<void> {
    return this.#buffer.add({
      stream: 'system',
      level,
      text: `${redactText(text, this.#options.secrets)}\n`,
    });
  }

  /** Writes the remaining output after the agent has ended. */
  async end(): Promise<void> {
    await this.#readStdout(this.#splitters.stdout.end());
    await this.#readStderr(this.#splitters.stderr.end());
    for (const stream of ['stdout', 'stderr'] as const) {
      await this.#showOutput(stream, 'info', this.#taps[stream].end());
    }
    await this.#buffer.flush();
    await this.#sayLoss().catch(() => this.#options.spool.keepInMind(this.#lossText));
  }

  /** Processes consecutive lines as one text, because the work per call costs more than the reading. */
  async #readStdout(lines: readonly SplitLine[]): Promise<void> {
    const logs = new LogRun((log) => this.#addOutput(log.stream, log.level, log.text));
    for (const { text, whole } of lines) {
      const events = this.#reader.readLine(text, whole);
      if (this.#isStranger()) break;
      for (const event of events) {
        if (event.kind === 'log') {
          if (!logs.takes(event)) await logs.flush();
          logs.add(event);
        } else {
          await logs.flush();
          await this.#handle(event);
        }
      }
    }
    await logs.flush();
  }

  /** Returns whether the output belongs to another session than the requested one. Such output is dropped. */
  #isStranger(): boolean {
    const { sessionId: asked, onOtherSession } = this.#options;
    const said = this.#reader.turn.sessionId;
    if (this.#otherSession !== undefined) return true;
    if (asked === undefined || said === undefined || isSameSession(asked, said)) return false;
    this.#otherSession = said;
    onOtherSession?.(said);
    return true;
  }

  async #readStderr(lines: readonly SplitLine[]): Promise<void> {
    for (const { text } of lines) this.failure.addStderrLine(text);
    const text = lines.map((line) => (line.whole ? `${line.text}\n` : line.text)).join('');
    await this.#addOutput('stderr', 'error', text);
  }

  async #handle(event: Exclude<AgentEvent, Log>): Promise<void> {
    switch (event.kind) {
      case 'message':
        this.#lastMessage = event.text;
        await this.#addMessage(event.text);
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'failure':
        this.failure.addEvent(event.message, event.final);
        return;
    }
  }

  /** Writes a message as its own chunk at once. */
  async #addMessage(message: string): Promise<void> {
    if (this.#messageBytes > MAX_MESSAGE_BYTES) return this.#messages.skip(message);
    const text = this.#messages.push(message);
    this.#messageBytes += Buffer.byteLength(text);
    await this.#buffer.flush();
    if (this.#messageBytes > MAX_MESSAGE_BYTES) {
      await this.say('Messages beyond 3 MiB are not kept; the answer is.', 'warn');
      return;
    }
    await this.#buffer.add({ stream: 'agent', level: 'info', text });
    await this.#buffer.flush();
  }

  async #addOutput(stream: OutputStream, level: LogLevel, text: string): Promise<void> {
    const tap = this.#taps[stream];
    if (this.#isOutputFull) return tap.hide(text);
    for (const piece of tap.show(text)) await this.#showOutput(stream, level, piece);
  }

  async #showOutput(stream: OutputStream, level: LogLevel, text: string): Promise<void> {
    if (this.#isOutputFull) return;
    this.#outputBytes += Buffer.byteLength(text);
    await this.#buffer.add({ stream, level, text });
    if (this.#isOutputFull) await this.say('Output beyond 16 MiB is not kept; messages still are.', 'warn');
  }

  get #isOutputFull(): boolean {
    return this.#outputBytes > MAX_OUTPUT_BYTES;
  }

  /** Writes a piece. A full disk does not end the job; the loss is reported when there is space again. */
  async #write(piece: Piece): Promise<void> {
    try {
      await this.#sayLoss();
      await this.#append(piece);
    } catch (error) {
      this.#diskError = messageOf(error);
    }
    this.#options.onChunk();
  }

  async #sayLoss(): Promise<void> {
    if (this.#diskError === undefined) return;
    await this.#append({ stream: 'system', level: 'warn', text: this.#lossText });
    this.#diskError = undefined;
  }

  get #lossText(): string {
    return `(output was lost: ${this.#diskError})\n`;
  }

  #append(piece: { stream: TranscriptStream; level: LogLevel; text: string }): Promise<void> {
    return this.#options.spool.addChunk({ at: new Date().toISOString(), ...piece });
  }
}

/** Compares session ids without case, because UUIDs may be in upper or lower case. */
function isSameSession(asked: string, said: string): boolean {
  return asked.toLowerCase() === said.toLowerCase();
}

type Log = Extract<AgentEvent, { kind: 'log' }>;

/** Consecutive pieces of output of the same stream and level. */
class LogRun {
  readonly #handle: (log: Omit<Log, 'kind'>) => Promise<void>;
  #first: Log | undefined;
  #parts: string[] = [];

  constructor(handle: (log: Omit<Log, 'kind'>) => Promise<void>) {
    this.#handle = handle;
  }

  takes({ stream, level }: Log): boolean {
    return this.#first === undefined || (this.#first.stream === stream && this.#first.level === level);
  }

  add(log: Log): void {
    this.#first ??= log;
    this.#parts.push(log.text);
  }

  async flush(): Promise<void> {
    const first = this.#first;
    if (first === undefined) return;
    const text = this.#parts.join('');
    this.#first = undefined;
    this.#parts = [];
    await this.#handle({ stream: first.stream, level: first.level, text });
  }
}
