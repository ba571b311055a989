/**
 * From the bytes of an agent to the spool: lines, then events, then redaction, then numbered chunks. What the runner
 * itself needs of it (the answer, the reason of a failure, the last output) is picked out on the way.
 */

import type {
  Agent,
  AgentEvent,
  AgentUsage,
  LogLevel,
  OutputStream,
  TranscriptStream,
} from '../agents/agent.ts';
import { FailureText } from '../agents/failure-text.ts';
import { LineSplitter, type SplitLine } from '../agents/line-splitter.ts';
import { messageOf } from '../exit.ts';
import { Redactor, redactText } from './redact.ts';
import { ChunkBuffer, type Piece } from './spool/chunk-buffer.ts';
import type { LeaseSpool } from './spool/lease-spool.ts';
import { TextTail } from './text-tail.ts';

export interface TranscriptOptions {
  agent: Pick<Agent, 'openReader'>;
  spool: Pick<LeaseSpool, 'addChunk' | 'keepInMind'>;
  /** Values that must not leave this machine. */
  secrets: readonly string[];
  /** Called after every chunk that was written. */
  onChunk(): void;
}

/** The service keeps 20 MiB of an attempt (`ATTEMPT_LIMIT_BYTES`); more would fill this disk for nothing. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** What is left of it, and room for the sentences of the runner. */
const MAX_MESSAGE_BYTES = 3 * 1024 * 1024;
/** A piece of a line of stderr is enough; nobody reads a longer one. */
const MAX_STDERR_LINE = 64 * 1024;

export class Transcript {
  readonly failure = new FailureText();
  readonly #options: TranscriptOptions;
  readonly #reader;
  readonly #buffer: ChunkBuffer;
  readonly #splitters = { stdout: new LineSplitter(), stderr: new LineSplitter(MAX_STDERR_LINE) };
  readonly #redactors;
  readonly #tails = { stdout: new TextTail(), stderr: new TextTail() };
  #outputBytes = 0;
  #messageBytes = 0;
  #lastMessage: string | undefined;
  #usage: AgentUsage | undefined;
  #diskError: string | undefined;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#reader = options.agent.openReader();
    this.#redactors = { stdout: new Redactor(options.secrets), stderr: new Redactor(options.secrets) };
    this.#buffer = new ChunkBuffer((piece) => this.#write(piece));
  }

  /** What the agent said last, unredacted. */
  get lastMessage(): string | undefined {
    return this.#lastMessage;
  }

  get usage(): AgentUsage | undefined {
    return this.#usage;
  }

  /** The last output of a stream, redacted. */
  tailOf(stream: OutputStream): string {
    return this.#tails[stream].text;
  }

  /** Takes bytes of stdout; settles when they have been dealt with, so that the agent cannot outrun the disk. */
  async takeStdout(bytes: Uint8Array): Promise<void> {
    for (const line of this.#splitters.stdout.push(bytes)) await this.#readStdoutLine(line);
  }

  async takeStderr(bytes: Uint8Array): Promise<void> {
    for (const line of this.#splitters.stderr.push(bytes)) await this.#readStderrLine(line);
  }

  /** Adds a sentence of the runner itself. */
  say(text: string, level: LogLevel = 'info'): Promise<void> {
    return this.#buffer.add({
      stream: 'system',
      level,
      text: `${redactText(text, this.#options.secrets)}\n`,
    });
  }

  /** Writes what is left, after the agent has ended. */
  async end(): Promise<void> {
    for (const line of this.#splitters.stdout.end()) await this.#readStdoutLine(line);
    for (const line of this.#splitters.stderr.end()) await this.#readStderrLine(line);
    for (const stream of ['stdout', 'stderr'] as const) {
      await this.#addOutput(stream, 'info', this.#redactors[stream].end());
    }
    await this.#buffer.flush();
    await this.#sayLoss().catch(() => this.#options.spool.keepInMind(this.#lossText));
  }

  async #readStdoutLine({ text, whole }: SplitLine): Promise<void> {
    for (const event of this.#reader.readLine(text, whole)) await this.#handle(event);
  }

  async #readStderrLine({ text, whole }: SplitLine): Promise<void> {
    this.failure.addStderrLine(text);
    await this.#addOutput('stderr', 'error', this.#redactors.stderr.push(whole ? `${text}\n` : text));
  }

  async #handle(event: AgentEvent): Promise<void> {
    switch (event.kind) {
      case 'message':
        this.#lastMessage = event.text;
        await this.#addMessage(event.text);
        return;
      case 'log':
        await this.#addOutput(event.stream, event.level, this.#redactors[event.stream].push(event.text));
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      case 'failure':
        this.failure.addEvent(event.message, event.final);
        return;
    }
  }

  /** A message is a chunk of its own, and goes out at once. */
  async #addMessage(message: string): Promise<void> {
    if (this.#messageBytes > MAX_MESSAGE_BYTES) return;
    const text = redactText(message, this.#options.secrets);
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
    this.#tails[stream].add(text);
    if (this.#outputBytes > MAX_OUTPUT_BYTES) return;
    this.#outputBytes += Buffer.byteLength(text);
    await this.#buffer.add({ stream, level, text });
    if (this.#outputBytes > MAX_OUTPUT_BYTES) {
      await this.say('Output beyond 16 MiB is not kept; messages still are.', 'warn');
    }
  }

  /** A full disk must not end the work: the loss is said as soon as there is room again. */
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
