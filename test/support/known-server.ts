/** The known capabilities of a server, in memory. */

import type { KnownServer } from '../../cli/client/known-server.ts';
import { CAPABILITIES, type Capability } from '../../spec/capabilities.ts';

/** A server that has announced all capabilities. */
export function newestServer(): KnownServer {
  return serverThatOffers(CAPABILITIES);
}

/** A server that has announced these capabilities. An empty list means a v0.4.4 server or an unknown server. */
export function serverThatOffers(capabilities: readonly Capability[]): KnownServer {
  let announced: ReadonlySet<Capability> = new Set(capabilities);
  return {
    offers: (capability) => announced.has(capability),
    announces: () => announced.size > 0,
    learn(next) {
      announced = next;
    },
  };
}
