/** Builds the text of `cli/agents/app-server/protocol.generated.ts` from the protocol of a binary. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../local/words.ts';
import { TABLES, type Table } from './methods.ts';
import { isRequest, type Method, type Protocol, readProtocol } from './read.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const GENERATED = 'cli/agents/app-server/protocol.generated.ts';

const TITLES: Readonly<Record<Table, string>> = {
  ClientMethods: 'Requests of the client.',
  ClientNotifications: 'Notifications of the client.',
  ServerNotifications: 'Notifications of the server.',
  ServerRequests: 'Requests of the server, which the client answers.',
};

/** The protocol of this binary in the form of the generated file. */
export function protocolOf(binary: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'codex-protocol-'));
  try {
    const made = spawnSync(binary, ['app-server', 'generate-ts', '--out', folder, '--experimental'], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (made.status !== 0) {
      throw new UsageError(
        `${binary} cannot print the protocol of its app-server.`,
        made.error?.message ?? made.stderr.split('\n')[0] ?? 'use a newer Codex',
      );
    }
    return render(readProtocol(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The version that the binary reports, such as `0.171.0`. */
export function versionOf(binary: string): string {
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return /(\d+\.\d+\.\d+\S*)/.exec(stdout ?? '')?.[1] ?? 'unknown';
}

function render({ methods, types }: Protocol): string {
  const tables = Object.keys(TABLES) as Table[];
  const parts = [
    ...tables.map((table) => renderTable(table, methods[table])),
    `/** The names of all methods above. */\nexport const METHODS = {${tables
      .map((table) => `${table}: ${JSON.stringify([...methods[table].keys()])}`)
      .join(',')}} as const;`,
    ...types.values(),
  ];
  return format(parts.join('\n\n'));
}

function renderTable(table: Table, methods: Map<string, Method>): string {
  const rows = [...methods].map(
    ([name, method]) => `${JSON.stringify(name)}: ${renderMethod(table, method)};`,
  );
  return `/** ${TITLES[table]} */\nexport interface ${table} {${rows.join('\n')}}`;
}

function renderMethod(table: Table, { params = 'undefined', result }: Method): string {
  return isRequest(table) ? `{ params: ${params}; result: ${result} }` : params;
}

export function header(version: string): string {
  return `/**
 * The part of the protocol of the Codex app-server that \`orp\` uses, as Codex ${version} prints it. Made by
 * \`npm run codex:protocol\`; do not edit. \`scripts/codex-protocol/methods.ts\` lists the methods.
 * Types that \`orp\` neither sends nor reads are \`unknown\`; \`CUT\` in that file lists them.
 */

`;
}

function format(text: string): string {
  const { status, stdout, stderr } = spawnSync(
    `${ROOT}node_modules/.bin/biome`,
    ['format', `--stdin-file-path=${GENERATED}`],
    { cwd: ROOT, input: text, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`biome could not format the protocol: ${stderr}`);
  return stdout;
}
