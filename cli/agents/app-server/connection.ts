/** Opens a connection to an agent server and introduces the runner. */

import { clientVersion } from '../../base/version.ts';
import type { Connection } from './rpc.ts';

const CONNECT_LIMIT_MS = 3000;

/** Connects to the socket. Returns undefined if no server answers. */
export async function connectTo(path: string): Promise<Connection | undefined> {
  // Loaded on demand, because most commands use no agent.
  const { connect } = await import('./rpc.ts');
  const outcome = await connect(path, { timeoutMs: CONNECT_LIMIT_MS });
  if (outcome.kind !== 'ok') return undefined;
  const { connection } = outcome;
  const hello = await connection.call('initialize', {
    clientInfo: { name: 'orp', title: 'ORP Runner', version: clientVersion(process.env) },
    capabilities: { experimentalApi: true, requestAttestation: false },
  });
  if (hello.kind !== 'ok') {
    connection.close();
    return undefined;
  }
  connection.notify('initialized');
  return connection;
}
