/**
 * The spool of one lease: the data that must survive a crash of the runner. Each step is recorded before it happens. The
 * spool is removed only after the server has acknowledged everything.
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

/** The progress of the attempt, according to the journal. */
export type Progress =
  /** The agent was certainly not started. */
  | { kind: 'claimed' }
  /** The agent may have been started. The mark contains the known facts about its process. */
  | { kind: 'spawned'; mark: FamilyMark; end?: SeenEnd | undefined }
  /** The prompt may have been entered into a session of an agent server. */
  | { kind: 'entered'; entry: Entry };

/** The session in which a prompt was entered, and the marker of the prompt. */
export type Entry = Extract<JournalRecord, { record: 'entering' }>;

/** How the agent ended, as the runner recorded it. */
export interface SeenEnd {
  exitCode: number | null;
  wasStopped: boolean;
  /** The state of the turn that the agent reported. Undefined if it was not recorded. */
  turn?: 'unknown' | 'open' | 'completed' | 'failed' | undefined;
}

export interface Journal {
  claim: ClaimRecord;
  progress: Progress;
  /** The file in which the agent had to write its answer. */
  answerPath: string | undefined;
  /** The session that the agent used instead of the requested session. */
  otherSession: string | undefined;
}

/** The contents that the folder already has. */
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

  /** Creates the spool of a lease. If the claim cannot be written, removes the folder and throws the error. */
  static async begin(folder: string, claim: ClaimRecord): Promise<LeaseSpool> {
    const spool = await LeaseSpool.open(folder);
    try {
      await spool.note(claim);
      return spool;
    } catch (error) {
      // A folder without the first line of the journal is useless. The server will hand out the job again.
      await spool.remove().catch(() => undefined);
      throw error;
    }
  }

  /** Opens the spool in `folder`, new or existing. If that fails, no file stays open. */
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

  /** The newest text of the transcript in this run. Blank if there is none yet. */
  get lastText(): string {
    return this.#lastText;
  }

  /** Continues after a number that the server has, because a power cut may have removed that chunk here. */
  skipTo(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, seq);
  }

  get chunksPath(): string {
    return join(this.folder, CHUNKS);
  }

  /** Records a step. Settles when the record is on the disk; only then may the step happen. */
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
      // Use the number again, because no chunk was written under it. A gap in the numbers would block all later chunks.
      if (this.#lastSeq === seq) this.#lastSeq = seq - 1;
      throw error;
    }
  }

  /** Keeps a remark in memory because the disk is full. It is sent after all chunks. */
  keepInMind(text: string): void {
    this.#remark = text;
  }

  /** The remark as the last chunk, or undefined. */
  get remark(): ChunkRecord | undefined {
    if (this.#remark === undefined) return undefined;
    const at = new Date().toISOString();
    return { seq: this.#lastSeq + 1, at, stream: 'system', level: 'warn', text: this.#remark };
  }

  /**
   * Writes the result. Settles when the result and the transcript are on the disk. If the transcript cannot be written,
   * the result does not wait; a gap entry later reports the missing part.
   */
  async setResult(result: ResultRecord): Promise<void> {
    this.#isResultKept = false;
    await this.#chunks.flush().catch(() => undefined);
    writeTextFile(join(this.folder, RESULT), `${JSON.stringify(result)}\n`, PRIVATE_MODE);
    this.#isResultKept = true;
  }

  /** True if the result is on the disk. */
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

  /** Removes the spool after the server has acknowledged everything. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Stores an answer that the server does not accept. Returns its path. */
  async keepAnswer(env: NodeJS.ProcessEnv, name: string, text: string): Promise<string> {
    const folder = join(stateFolder(env), 'answers');
    makeFolder(folder);
    const path = join(folder, `${folderName(name)}.txt`);
    writeTextFile(path, text, PRIVATE_MODE);
    return path;
  }

  /** Moves a spool that the server will never accept to a folder for people. Returns the new path. */
  async keepAside(env: NodeJS.ProcessEnv): Promise<string> {
    await this.close();
    return moveAside(this.folder, env);
  }
}

const JOURNAL = 'journal.jsonl';
const CHUNKS = 'chunks.jsonl';
const RESULT = 'result.json';

/** Moves a spool folder to `kept`, under an unused name. */
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

/** Reads a file. Returns a blank text if it does not exist. Throws if it is unreadable, because it may contain a result. */
async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EISDIR')) return '';
    throw error;
  }
}

/** Reads a journal. Returns undefined if it does not contain a claim. */
export async function readJournal(folder: string): Promise<Journal | undefined> {
  const text = await readIfThere(join(folder, JOURNAL));
  const records = parseLines(text, journalRecord);
  const claim = records.find((record) => record.record === 'claimed');
  if (claim === undefined) return undefined;
  const spawning = records.findLast((record) => record.record === 'spawning');
  const spawned = records.findLast((record) => record.record === 'spawned');
  const entering = records.findLast((record) => record.record === 'entering');
  const progress: Progress =
    entering === undefined ? progressOf(spawning, spawned) : { kind: 'entered', entry: entering };
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

/** Reads the result. Returns undefined if it is missing or damaged. */
export async function readResult(folder: string): Promise<ResultRecord | undefined> {
  const text = await readIfThere(join(folder, RESULT));
  return parseLines(text, resultRecord)[0];
}

/** Lists the folders of all unfinished leases of one machine. */
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
