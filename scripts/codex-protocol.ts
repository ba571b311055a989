/**
 * `npm run codex:protocol`: writes the protocol of the Codex app-server to `cli/agents/app-server/protocol.generated.ts`. It
 * uses the newest pinned Codex, or another Codex with `-- --codex BINARY`. With `-- --check BINARY` it writes nothing. It
 * prints the methods that differ in that binary, and exits with 1 if there are any.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findDrift } from './codex-protocol/drift.ts';
import { GENERATED, header, protocolOf, versionOf } from './codex-protocol/render.ts';
import { pinnedCodex } from './local/pinned-codex.ts';
import { readOptions, runScript } from './local/words.ts';

const FILE = fileURLToPath(new URL(`../${GENERATED}`, import.meta.url));

function main(): number {
  const options = readOptions(
    { check: { type: 'string' }, codex: { type: 'string' } },
    'npm run codex:protocol -- [--codex BINARY | --check BINARY]',
  );
  return options.check === undefined ? write(options.codex ?? pinnedCodex('newest')) : check(options.check);
}

function write(binary: string): number {
  writeFileSync(FILE, header(versionOf(binary)) + protocolOf(binary));
  console.log(`wrote ${GENERATED}`);
  return 0;
}

function check(binary: string): number {
  const drifted = findDrift(readFileSync(FILE, 'utf8'), protocolOf(binary));
  for (const { method, reasons } of drifted) console.log(`${method}: ${reasons.join('; ')}`);
  if (drifted.length === 0) console.log(`Codex ${versionOf(binary)}: no method that orp uses drifted.`);
  return drifted.length === 0 ? 0 : 1;
}

process.exitCode = await runScript(main);
