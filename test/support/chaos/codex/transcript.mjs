/**
 * The transcript of a session, one record per line. It proves what happened to a prompt: the record of the prompt is on the disk
 * before its turn begins, and a turn without an end record was interrupted.
 *
 *   {"record": "prompt", turnId, clientId, at}
 *   {"record": "answer", turnId, text}
 *   {"record": "end", turnId, status, message?, at}
 */

import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export function codexHome() {
  return process.env.CODEX_HOME || join(process.env.HOME || homedir(), '.codex');
}

export class TranscriptFile {
  constructor(session) {
    const folder = join(codexHome(), 'sessions');
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, `${session}.jsonl`);
  }

  write(record) {
    appendFileSync(this.path, `${JSON.stringify(record)}\n`, { flush: true });
  }

  /** Newest first, as the protocol has them. @param running the id of the turn that runs now */
  turns(running) {
    const turns = new Map();
    for (const line of this.#lines()) {
      const { record, turnId } = line;
      if (record === 'prompt') {
        const items = [{ type: 'userMessage', id: `${turnId}-prompt`, clientId: line.clientId }];
        turns.set(turnId, { id: turnId, status: 'interrupted', items, error: null });
      }
      const turn = turns.get(turnId);
      if (record === 'answer')
        turn.items.push({ type: 'agentMessage', id: `${turnId}-answer`, text: line.text });
      if (record === 'end') {
        turn.status = line.status;
        turn.error = line.message === undefined ? null : { message: line.message };
      }
      if (turnId === running) turn.status = 'inProgress';
    }
    return [...turns.values()].reverse();
  }

  #lines() {
    try {
      // A server that was killed during a write leaves an incomplete line.
      return readFileSync(this.path, 'utf8')
        .split('\n')
        .flatMap((line) => {
          try {
            return [JSON.parse(line)];
          } catch {
            return [];
          }
        });
    } catch {
      return [];
    }
  }
}
