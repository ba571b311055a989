/**
 * Lists the sessions of Codex from its session files. Reads only the start of each file: 4 KiB, and up to 512 KiB for a
 * session that is shown.
 */

import { AGENT_SESSION_ID_PATTERN } from '../../../spec/ids.ts';
import type { FoundSession } from '../agent.ts';
import type { SessionDisk } from './disk.ts';
import { readFirstLine, readPrompt, type SessionHead } from './session-head.ts';

/** The first few hundred bytes of a file contain the folder of the session. */
const GLANCE_BYTES = 4 * 1024;
const PART_BYTES = 64 * 1024;
/** The instructions of the agent, up to 100 KiB, precede the first prompt. */
const MOST_BYTES = 512 * 1024;
/** The maximum number of listed sessions. People look for the newest sessions. */
const MOST_SESSIONS = 1000;

/**
 * Returns the sessions, newest first.
 *
 * @param folder returns only the sessions of this folder; if undefined, the sessions of all folders
 */
export function listSessionFiles(disk: SessionDisk, folder: string | undefined): FoundSession[] {
  const heads = disk
    .files()
    .map((path) => new HeadLines(disk, path))
    .filter((lines) => folder === undefined || mayBeOf(folder, lines.glance()))
    .map((lines) => ({ lines, changedAt: disk.changedAt(lines.path) }))
    .sort((a, b) => b.changedAt - a.changedAt);
  const found: FoundSession[] = [];
  for (const { lines, changedAt } of heads) {
    if (found.length === MOST_SESSIONS) break;
    const head = readHead(lines, folder);
    if (head === undefined) continue;
    const { sessionId, cwd, branch, firstPrompt = '' } = head;
    const isOpen = disk.isOpen(sessionId);
    found.push({ sessionId, cwd, lastActiveAt: changedAt, branch, firstPrompt, isOpen });
  }
  return found;
}

function readHead(lines: HeadLines, folder: string | undefined): SessionHead | undefined {
  const first = lines.next();
  const head = first === undefined ? undefined : readFirstLine(first);
  if (head === undefined || !AGENT_SESSION_ID_PATTERN.test(head.sessionId)) return undefined;
  if (folder !== undefined && head.cwd !== folder) return undefined;
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    const firstPrompt = readPrompt(line);
    if (firstPrompt !== undefined) return { ...head, firstPrompt };
  }
  return head;
}

/** If the start of the file does not contain a folder, more of the file must be read. */
function mayBeOf(folder: string, glance: Buffer): boolean {
  return glance.includes(JSON.stringify(folder)) || !glance.includes('"cwd"');
}

/** The lines at the beginning of a file. */
class HeadLines {
  readonly path: string;
  readonly #disk: SessionDisk;
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;
  #isEnd = false;

  constructor(disk: SessionDisk, path: string) {
    this.#disk = disk;
    this.path = path;
  }

  glance(): Buffer {
    this.#read(GLANCE_BYTES);
    return this.#rest;
  }

  /** Returns undefined at the end of the file, or at the read limit. */
  next(): string | undefined {
    for (;;) {
      const end = this.#rest.indexOf(0x0a);
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString('utf8');
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      if (this.#isEnd || this.#at >= MOST_BYTES) return undefined;
      this.#read(PART_BYTES);
    }
  }

  #read(bytes: number): void {
    const part = this.#disk.read(this.path, this.#at, bytes);
    this.#isEnd = part.length < bytes;
    this.#at += part.length;
    this.#rest = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
  }
}
