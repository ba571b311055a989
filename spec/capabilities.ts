/**
 * The extensions of the v0.4.4 contract. The server announces its extensions in a header of every answer, and `orp` uses only
 * announced extensions. A v0.4.4 server ignores unknown fields, so a `dryRun` would claim a job there.
 */

/** The header of every answer below `/api/`. It lists the names, separated by commas. */
export const CAPABILITIES_HEADER = 'orp-capabilities';

/** The names of all extensions. */
export const CAPABILITIES = [
  /** The owner's routes of a job: queue, list, show, transcript; cancel and retry without a machine; `expectedAttempt`. */
  'jobs',
  /** The event stream that follows one job. */
  'follow',
  /** The routes of one machine: when it was last seen, and drain. */
  'machines',
  /** Looks up the complete id of a job, idea, feature or machine by its beginning. */
  'id-lookup',
  /** The reviews of an idea can be listed and shown. */
  'reviews',
  /** The routes of workspaces. */
  'workspaces',
  /** A client can revoke a device token. */
  'token-revoke',
  /** A sign-in can prove that it comes from a device that has been signed in before. */
  'known-device',
  /** A terminal is signed in by a code that a person approves on a page. */
  'device-flow',
  /** People list and revoke their devices, and change their password. */
  'tokens',
  /** People make tokens with a scope, and answers say what a token may do. */
  'token-scopes',
  /** A POST that is repeated under the same `Idempotency-Key` takes effect once. */
  'idempotency-key',
  /** `dryRun` in a poll claims nothing. */
  'dry-run',
  /** `claimId`, `projectRoot` and `instance` in a poll: a repeated claim returns the same lease. */
  'claims',
  /**
   * A claim by POST. The body lists the repositories, because a URL has at most 16 KB and a machine may have linked 500
   * repositories.
   */
  'claim-post',
  /**
   * Fields of a runner beyond v0.4.4: `instance`, `draining`, `failureKind`, the stop receipt, the lease of a review.
   */
  'leases',
  /** Output in numbered chunks. The answer has the number up to which all chunks have arrived. */
  'chunks',
  /** `persistent` in the event stream: it stays open after `job.available`, for up to 15 minutes. */
  'events-persistent',
  /** The events of a machine over a WebSocket. */
  'events-ws',
  /** The holder of a job can return it. */
  'release',
  /** `onUsageLimit` in an order and in a claim. */
  'usage-limit',
  /** A heartbeat can report why the machine claims no jobs. */
  'condition',
  /** A heartbeat can report that the agent is waiting for an answer of a person at the machine. */
  'asking',
  /** A poll lists the kinds of jobs and the agents that the runner supports. A sync names the agent of a session. */
  'abilities',
  /** `spool` and `agent` in a heartbeat. */
  'report',
  /** `policy` of a session in a sync, and the conditions of the owner's policy in a heartbeat. */
  'policy-report',
  /** The routes of operators, below `/api/admin`. */
  'admin',
  /** Operators invite people, and disable, enable and help accounts. */
  'people',
  /** Operators read the audit log. */
  'audit',
] as const;

/** A name from the list. */
export type Capability = (typeof CAPABILITIES)[number];

/** Returns the header value that announces these extensions. */
export function formatCapabilities(capabilities: Iterable<Capability>): string {
  return [...capabilities].join(', ');
}

/** Reads the header. Returns undefined if it is missing. Skips unknown names, because a newer server may offer more. */
export function readCapabilities(header: string | null): ReadonlySet<Capability> | undefined {
  if (header === null) return undefined;
  const names = new Set(header.split(',').map((name) => name.trim()));
  return new Set(CAPABILITIES.filter((name) => names.has(name)));
}

/** The header of every answer below `/api/` that names versions of `orp`, such as `newest=0.6.0; oldest=0.4.4`. */
export const VERSIONS_HEADER = 'orp-versions';

/** The oldest `orp` whose requests this server understands. Raise it only with a record in docs/decisions. */
export const OLDEST_CLIENT = '0.4.4';

export interface ClientVersions {
  /** The version that was released with the server. Absent if the server does not know its own. */
  newest?: string | undefined;
  oldest?: string | undefined;
}

/** Returns the header value. `server` is the version of the server, such as `0.6.0+1a2b3c4`. */
export function formatVersions(server: string): string {
  const newest = /^\d+\.\d+\.\d+/.exec(server)?.[0];
  return [...(newest === undefined ? [] : [`newest=${newest}`]), `oldest=${OLDEST_CLIENT}`].join('; ');
}

/** Reads the header. Ignores values that are not plain version numbers, because clients print them. */
export function readVersions(header: string | null): ClientVersions {
  const read = (name: string) =>
    new RegExp(`(?:^|; )${name}=(\\d{1,6}\\.\\d{1,6}\\.\\d{1,6})(?:;|$)`).exec(header ?? '')?.[1];
  return { newest: read('newest'), oldest: read('oldest') };
}
