/**
 * The spool of one lease: everything that must survive the runner. It is written before anything happens, and removed
 * only when the service has acknowledged all of it.
 */

import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasCode } from '../../base/system-error.ts';
import { PRIVATE_MODE, writeTextFile } from '../../files/json-file.ts';
import { stateFolder } from '../../files/paths.ts';
import { makeFolder } from '../../files/private-folder.ts';
import type { FamilyMark } from '../process/family.ts';
import { AppendFile } from './append-file.ts';
import { findLastSeq } from './chunk-reader.ts';
import { folderName, keptFolder } from './places.ts';
import {
  type ChunkRecord,
  type ClaimRecord,
  type JournalRecord,
  journalRecord,
  parseLines,
  type ResultRecord,
  resultRecord,
} from './records.ts';

/** How far the journal shows that the attempt came. */
export type Progress =
  /** The agent was certainly not started. */
  | { kind: 'claimed' }
  /** The agent may have been started; who it is, is known only as far as the mark says. */
  | { kind: 'spawned'; mark: FamilyMark; end?: SeenEnd | undefined };

/** How the agent ended, as the runner saw it. */
export interface SeenEnd {
  exitCode: number | null;
  wasStopped: boolean;
  /** What the agent reported of its turn; undefined when nobody wrote it down. */
  turn?: 'unknown' | 'open' | 'completed' | 'failed' | undefined;
}

export interface Journal {
  claim: ClaimRecord;
  progress: Progress;
  /** Where the agent was to write its answer. */
  answerPath: string | undefined;
  /** The session in which the agent was at work instead of the one that was asked for. */
  otherSession: string | undefined;
}

/** What was in the folder already. */
interface Found {
  lastSeq: number;
  isResultKept: boolean;
}

export class LeaseSpool {
  readonly folder: string;
  readonly #journal: AppendFile;
  readonly #chunks: AppendFile;
  #lastSeq: number;
  #lastText = '';
  #isResultKept: boolean;
  #remark: string | undefined;

  private constructor(folder: string, files: { journal: AppendFile; chunks: AppendFile }, found: Found) {
    this.folder = folder;
    this.#journal = files.journal;
    this.#chunks = files.chunks;
    this.#lastSeq = found.lastSeq;
    this.#isResultKept = found.isResultKept;
  }

  /** Begins the spool of a lease. When the claim cannot be written down, nothing is left of it, and the error is told. */
  static async begin(folder: string, claim: ClaimRecord): Promise<LeaseSpool> {
    const spool = await LeaseSpool.open(folder);
    try {
      await spool.note(claim);
      return spool;
    } catch (error) {
      // Without its first line nobody could tell what the folder is; the service gives the job out again.
      await spool.remove().catch(() => undefined);
      throw error;
    }
  }

  /** Opens the spool in `folder`, new or found again. When it cannot be opened, nothing of it stays open. */
  static async open(folder: string): Promise<LeaseSpool> {
    makeFolder(folder);
    const lastSeq = await findLastSeq(join(folder, CHUNKS));
    const isResultKept = (await readResult(folder)) !== undefined;
    const journal = await AppendFile.open(join(folder, JOURNAL));
    try {
      const chunks = await AppendFile.open(join(folder, CHUNKS));
      return new LeaseSpool(folder, { journal, chunks }, { lastSeq, isResultKept });
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** The number of the last chunk. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The newest piece of the transcript of this run; blank before the first. */
  get lastText(): string {
    return this.#lastText;
  }

  /** Goes on behind a number that the service has already, though a loss of power took the chunk from here. */
  skipTo(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  get chunksPath(): string {
    return join(this.folder, CHUNKS);
  }

  /** Writes down a step; settles when it is on the disk itself, so that the step may be taken. */
  async note(record: JournalRecord): Promise<void> {
    await this.#journal.append(JSON.stringify(record));
    await this.#journal.flush();
  }

  /** Adds a piece of the transcript under the next number. */
  async addChunk(chunk: Omit<ChunkRecord, 'seq'>): Promise<void> {
    const seq = this.#lastSeq + 1;
    this.#lastSeq = seq;
    this.#lastText = chunk.text;
    try {
      await this.#chunks.append(JSON.stringify({ seq, ...chunk }));
    } catch (error) {
      // The number was not used; a hole would hold up everything behind it.
      if (this.#lastSeq === seq) this.#lastSeq = seq - 1;
      throw error;
    }
  }

  /** A remark for which there is no room on the disk; it goes out behind everything that is there. */
  keepInMind(text: string): void {
    this.#remark = text;
  }

  /** The remark as the chunk behind the last one; undefined when there is none. */
  get remark(): ChunkRecord | undefined {
    if (this.#remark === undefined) return undefined;
    const at = new Date().toISOString();
    return { seq: this.#lastSeq + 1, at, stream: 'system', level: 'warn', text: this.#remark };
  }

  /**
   * Keeps the result; settles when it and the transcript before it are on the disk itself. A transcript that cannot be
   * brought there does not hold up the result: what is missing of it later is said to be missing.
   */
  async setResult(result: ResultRecord): Promise<void> {
    this.#isResultKept = false;
    await this.#chunks.flush().catch(() => undefined);
    writeTextFile(join(this.folder, RESULT), `${JSON.stringify(result)}\n`, PRIVATE_MODE);
    this.#isResultKept = true;
  }

  /** Whether the result is on the disk. */
  get isResultKept(): boolean {
    return this.#isResultKept;
  }

  async close(): Promise<void> {
    try {
      await this.#journal.close();
    } finally {
      await this.#chunks.close();
    }
  }

  /** Everything has been acknowledged. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Keeps an answer that the server does not accept as it is, and returns its place. */
  async keepAnswer(env: NodeJS.ProcessEnv, name: string, text: string): Promise<string> {
    const folder = join(stateFolder(env), 'answers');
    makeFolder(folder);
    const path = join(folder, `${folderName(name)}.txt`);
    writeTextFile(path, text, PRIVATE_MODE);
    return path;
  }

  /** The service will never take it: it is put where a person finds it, and the place is returned. */
  async keepAside(env: NodeJS.ProcessEnv): Promise<string> {
    await this.close();
    return moveAside(this.folder, env);
  }
}

const JOURNAL = 'journal.jsonl';
const CHUNKS = 'chunks.jsonl';
const RESULT = 'result.json';

/** Moves a folder of the spool to the kept ones, under a name that is free. */
export async function moveAside(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const kept = keptFolder(env);
  makeFolder(kept);
  for (let copy = 1; ; copy += 1) {
    const place = join(kept, copy === 1 ? basename(folder) : `${basename(folder)}-${copy}`);
    const failure = await rename(folder, place).catch((error: NodeJS.ErrnoException) => error);
    if (failure === undefined) return place;
    if (failure.code !== 'ENOTEMPTY' && failure.code !== 'EEXIST') throw failure;
  }
}

/** Blank when there is no such file. One that cannot be read right now may hold a result, so that is an error. */
async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EISDIR')) return '';
    throw error;
  }
}

/** Reads a journal; undefined when not even a claim is in it. */
export async function readJournal(folder: string): Promise<Journal | undefined> {
  const text = await readIfThere(join(folder, JOURNAL));
  const records = parseLines(text, journalRecord);
  const claim = records.find((record) => record.record === 'claimed');
  if (claim === undefined) return undefined;
  const spawning = records.findLast((record) => record.record === 'spawning');
  const spawned = records.findLast((record) => record.record === 'spawned');
  const progress = progressOf(spawning, spawned);
  const ended = records.findLast((record) => record.record === 'ended');
  if (progress.kind === 'spawned' && ended !== undefined) {
    progress.end = { exitCode: ended.exit_code, wasStopped: ended.was_stopped, turn: ended.turn };
  }
  const other = records.findLast((record) => record.record === 'other_session');
  return { claim, progress, answerPath: spawning?.answer_path, otherSession: other?.said };
}

function progressOf(
  spawning: { tag?: string | undefined } | undefined,
  spawned: { pid: number; start_time: string } | undefined,
): Progress {
  if (spawning === undefined && spawned === undefined) return { kind: 'claimed' };
  const leader = spawned && { pid: spawned.pid, startTime: spawned.start_time };
  return { kind: 'spawned', mark: { leader, tag: spawning?.tag } };
}

/** Reads the result; undefined when there is none, or a torn one. */
export async function readResult(folder: string): Promise<ResultRecord | undefined> {
  const text = await readIfThere(join(folder, RESULT));
  return parseLines(text, resultRecord)[0];
}

/** The folders of all leases of one machine that are not done with. */
export async function listSpools(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name))
    .sort();
}
