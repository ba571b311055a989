/**
 * The network between one machine and the server: a TCP proxy that cuts connections, and drops or truncates answers. The
 * server has then carried out a request, but the client does not know it.
 */

import { createServer, connect as dial, type Socket } from 'node:net';

export type Mishap = 'dropped' | 'torn';

interface Armed {
  route: RegExp;
  mishap: Mishap;
  onHit(): void;
}

interface ArmedCall {
  mishap: Mishap;
  onHit(): void;
}

export interface ChaosProxy {
  url: string;
  /**
   * Cuts the channel in the middle of the next call that the runner sends over it. `dropped`: the server gets the call, and
   * the runner gets no answer. `torn`: the server gets half of it.
   */
  armCall(armed: ArmedCall): void;
  /** The paths of all requests so far. */
  requests(): readonly string[];
  /** Ends all open connections. Returns their number. */
  cut(): number;
  /** Drops or truncates the next answer on a matching route. */
  arm(armed: Armed): void;
  /** Cancels a fault that was armed but has not happened. */
  disarm(): void;
  close(): Promise<void>;
}

const CHANNEL = /runner\/events\/ws/;
/** A ping is a frame of ten bytes, and a close is hardly longer. Every call is longer. */
const CALL_BYTES = 64;

const REQUEST_LINE = /^(?:GET|POST|PUT|PATCH|DELETE) (\S+) HTTP\/1\.1\r\n/;

export async function startProxy(upstream: { port: number }): Promise<ChaosProxy> {
  const sockets = new Set<Socket>();
  const armed: Armed[] = [];
  const armedCalls: ArmedCall[] = [];
  const requests: string[] = [];
  const server = createServer((client) => {
    const service = dial(upstream.port, '127.0.0.1');
    let path = '';
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        service.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      const line = REQUEST_LINE.exec(bytes.toString('latin1', 0, 2048))?.[1];
      path = line ?? path;
      if (line !== undefined) requests.push(line);
      const isCall = line === undefined && CHANNEL.test(path) && bytes.length > CALL_BYTES;
      const hit = isCall ? armedCalls.shift() : undefined;
      if (hit === undefined) return void service.write(bytes);
      hit.onHit();
      service.write(hit.mishap === 'torn' ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes);
      service.destroySoon();
      client.destroy();
    });
    service.on('data', (bytes: Buffer) => {
      const at = armed.findIndex(({ route }) => route.test(path));
      const [hit] = at < 0 ? [] : armed.splice(at, 1);
      if (hit === undefined) return void client.write(bytes);
      hit.onHit();
      if (hit.mishap === 'torn') client.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
      client.destroySoon();
      service.destroy();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cut = (): number => {
    const open = sockets.size / 2;
    for (const socket of sockets) socket.destroy();
    return open;
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut,
    arm: (one) => void armed.push(one),
    requests: () => requests,
    armCall: (one) => void armedCalls.push(one),
    disarm: () => {
      armed.splice(0);
      armedCalls.splice(0);
    },
    close: () => {
      cut();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}
