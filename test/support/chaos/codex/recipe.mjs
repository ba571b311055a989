/**
 * The work of the scripted Codex of `npm run bench -- chaos`. It follows its prompt, a JSON object, and writes a journal, one file
 * per run. Each record is written before the step happens. The check compares the rest of the system with these journals.
 *
 *   {"record": "start", run, key, session, at, overlaps?}   the run got its prompt; `overlaps`: another run in its session
 *   {"record": "piece", command, text}      output of a command
 *   {"record": "answer", text}              the answer
 *   {"record": "end", at}                   the run is about to exit as its recipe says
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const WORDS = [
  'tide',
  'gauge',
  'ebb',
  'Wasserstand',
  'marée',
  '潮位',
  'прилив',
  '🌊',
  'buoy',
  '  ',
  '\t"',
  '\\n',
];

/** Returns a text that is unique for the run and the place, so that no two texts can be confused. */
function textOf(run, place, bytes) {
  let text = `${run} ${place}:`;
  for (let at = 0; text.length < bytes; at += 1)
    text += ` ${WORDS[(at * 7 + place.length) % WORDS.length]}${at}`;
  return text;
}

/** A run of one prompt. */
export class RecipeRun {
  /** @param prompt the recipe, as JSON */
  constructor(prompt, session) {
    this.recipe = JSON.parse(prompt);
    this.session = session;
    this.run = `${this.recipe.key}-${process.pid}-${randomBytes(4).toString('hex')}`;
  }

  /**
   * Works until the recipe ends.
   * @param show what the agent prints: `piece(at, command, text)` and `answer(text)`, both async
   * @param signal ends the work early
   * @returns {Promise<'completed' | 'failed' | 'interrupted'>}
   */
  async work(show, signal) {
    const { key, behaviour, pieces, pieceBytes, workMs } = this.recipe;
    const overlaps = this.#enter();
    this.#journal({ record: 'start', run: this.run, key, session: this.session, at: Date.now(), overlaps });
    if (behaviour === 'child' || behaviour === 'leave') this.#leaveChild(behaviour === 'leave');
    const step = () => sleep(workMs / (pieces + 1), undefined, { signal });
    try {
      for (let at = 0; at < pieces; at += 1) {
        await step();
        const command = `measure ${at}`;
        const text = `${textOf(this.run, `piece ${at}`, pieceBytes)}\n`;
        this.#journal({ record: 'piece', command, text });
        await show.piece(at, command, text);
      }
      await step();
    } catch (error) {
      if (!signal?.aborted) throw error;
      this.leave();
      return 'interrupted';
    }
    if (behaviour === 'fail') return 'failed';
    const text = textOf(this.run, 'answer', pieceBytes);
    this.#journal({ record: 'answer', text });
    await show.answer(text);
    return 'completed';
  }

  /** Records that the run is about to exit by itself. */
  end() {
    this.#journal({ record: 'end', at: Date.now() });
    this.leave();
  }

  /** Marks the session as free. */
  leave() {
    writeFileSync(this.#place, '');
  }

  get #place() {
    return join(this.recipe.folder, 'sessions', this.session);
  }

  /** Finds another run in this session whose process is alive and has not left. */
  #enter() {
    let found;
    try {
      const [pid, other] = readFileSync(this.#place, 'utf8').split(' ');
      process.kill(Number(pid), 0);
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('codex')) found = other;
    } catch {
      // There was no other run, or it has ended.
    }
    writeFileSync(this.#place, `${process.pid} ${this.run}`);
    return found;
  }

  #journal(record) {
    const path = join(this.recipe.folder, 'journals', `${this.run}.jsonl`);
    appendFileSync(path, `${JSON.stringify(record)}\n`);
  }

  #leaveChild(detached) {
    const wait = `setTimeout(() => 0, 600000, ${JSON.stringify(this.recipe.folder)})`;
    const child = spawn(process.execPath, ['-e', wait], {
      stdio: ['ignore', 'inherit', 'inherit'],
      detached,
    });
    child.unref();
    if (!detached) this.child = child;
  }
}
