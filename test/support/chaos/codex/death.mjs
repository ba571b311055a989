/**
 * A server that dies at a chosen moment, as by `kill -9`. A kill from outside hardly ever meets the short moments in which an answer
 * is lost. The order is a file in the home of Codex, beside a journal of the deaths; `install-codex.ts` defines both paths.
 */

import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { codexHome } from './transcript.mjs';

/** Dies if this moment was ordered. */
export function reach(moment) {
  const order = join(codexHome(), 'dies-at');
  if (read(order) !== moment) return;
  rmSync(order, { force: true });
  appendFileSync(join(codexHome(), 'deaths.jsonl'), `${JSON.stringify({ moment, at: Date.now() })}\n`);
  process.kill(process.pid, 'SIGKILL');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
