/** The JSON-RPC client with the app-server of a real Codex. */

import { realpathSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { connect } from '../../cli/agents/app-server/rpc.ts';
import { isOlder } from '../../cli/base/version.ts';
import { makeTemporaryFolder } from '../../scripts/local/temporary-folder.ts';
import { startAppServer } from '../support/app-server.ts';
import { findCodexes } from '../support/codex.ts';

/** At the latest from here on the app-server listens on a unix socket. */
const FIRST_CERTAIN = '0.154.0';

const codexes = findCodexes().filter(({ version }) => !isOlder(version, FIRST_CERTAIN));
if (codexes.length === 0) {
  const sentence = `No Codex of ${FIRST_CERTAIN} or later was found: the client is not tried with a real app-server.`;
  if (process.env.ORP_REQUIRE_CODEX) throw new Error(sentence);
  console.warn(sentence);
  it.skip(sentence);
}

it.each(codexes)(
  '$name answers the handshake and a call, and tells why a thread cannot be read',
  async ({ bin, version }) => {
    const folder = makeTemporaryFolder('orp-app-');
    const server = await startAppServer(bin, folder);
    try {
      const outcome = await connect(server.path, { timeoutMs: 10_000 });
      if (outcome.kind !== 'ok') throw new Error(JSON.stringify(outcome));
      const { connection } = outcome;
      const hello = await connection.call('initialize', {
        clientInfo: { name: 'orp-test', title: null, version: '1.0.0' },
        capabilities: { experimentalApi: true, requestAttestation: false },
      });
      expect(hello).toMatchObject({
        kind: 'ok',
        result: { codexHome: realpathSync(server.home), userAgent: expect.stringContaining(version) },
      });
      connection.notify('initialized');
      expect(await connection.call('thread/loaded/list', {})).toMatchObject({
        kind: 'ok',
        result: { data: [] },
      });
      expect(
        await connection.call('thread/read', { threadId: '00000000-0000-7000-8000-000000000000' }),
      ).toMatchObject({ kind: 'error', code: -32600 });

      connection.close();
      await connection.closed;
      expect(await connection.call('thread/loaded/list', {})).toEqual({ kind: 'closed' });
    } finally {
      await server.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
