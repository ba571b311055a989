/** Installs the scripted Codex like npm, so that `orp` can read its version and drive it through an agent server. */

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../../../scripts/local/project-path.ts';

/** Returns the path of the executable. */
export function installCodex(folder: string): string {
  const home = join(folder, 'codex');
  const bin = join(home, 'bin', 'codex.mjs');
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@openai/codex', version: '0.171.0' }));
  writeFileSync(
    bin,
    `#!/usr/bin/env node\nimport ${JSON.stringify(projectPath('test/support/chaos/codex/codex.mjs'))};\n`,
  );
  chmodSync(bin, 0o755);
  return bin;
}

/** The moments at which a server can be ordered to die. They are in `codex/server.mjs`. */
export const DEATHS = [
  'after turn/start',
  'before turn/start',
  'answer written',
  'end written',
  'before thread/turns/list',
  'before thread/resume',
  'before initialize',
] as const;

/** Orders the next server of this home that reaches the moment to die there. With undefined, no server dies. */
export function orderDeath(home: string, moment: (typeof DEATHS)[number] | undefined): void {
  mkdirSync(home, { recursive: true });
  if (moment === undefined) rmSync(join(home, 'dies-at'), { force: true });
  else writeFileSync(join(home, 'dies-at'), moment);
}

/** Returns when servers of this home died as ordered, in epoch ms. */
export function readDeaths(home: string): number[] {
  try {
    const lines = readFileSync(join(home, 'deaths.jsonl'), 'utf8').trimEnd().split('\n');
    return lines.map((line) => (JSON.parse(line) as { at: number }).at);
  } catch {
    // No server has died.
    return [];
  }
}
