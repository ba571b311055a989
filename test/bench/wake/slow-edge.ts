/**
 * Distance between the clients and the local runtime: every byte arrives later, in both directions. Opening a connection
 * costs nothing, because a count of round trips would otherwise depend on which connections are still open.
 */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface SlowEdge {
  /** Origin without a trailing slash. */
  url: string;
  close(): Promise<void>;
}

/** @param roundTripMs half of it is added in each direction */
export async function startSlowEdge(target: string, roundTripMs: number): Promise<SlowEdge> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    delay(near, far, roundTripMs / 2);
    delay(far, near, roundTripMs / 2);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server, open),
  };
}

/** Timers of the same length fire in the order in which they were set, so the bytes stay in order. */
function delay(from: Socket, to: Socket, ms: number): void {
  const later = (work: () => void) => (ms === 0 ? work() : setTimeout(work, ms));
  from.on('data', (bytes) => later(() => to.write(bytes)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
}

async function close(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  for (const socket of open) socket.destroy();
  await closed;
}
