/** What `orp` does without where a server offers no extensions, and how it says so. */

import type { Capability } from '../../spec/contract/capabilities.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { CliError } from '../base/exit.ts';
import type { KnownServer } from './known-server.ts';

/** What people know an extension as, and what they can do without it. */
const WORDS: Record<Capability, { what: string; instead: string }> = {
  jobs: {
    what: 'the job commands (`orp job …`)',
    instead:
      'On the machine that works on it, `orp runner cancel <job-id>` and `orp runner retry <job-id>` work with every server.',
  },
  follow: { what: 'to follow a job live', instead: '`orp job logs <job-id>` shows what has arrived.' },
  machines: {
    what: 'to look after a machine from elsewhere (`runner drain`, `runner resume`, `runner status --hosted`)',
    instead: 'On the machine itself, press Ctrl-C once, or run `orp runner disable`.',
  },
  'id-lookup': { what: 'the beginning of an id', instead: 'Give the complete id.' },
  'token-revoke': { what: 'to revoke a token', instead: 'The token is removed from this machine only.' },
  'known-device': { what: 'to recognize a device', instead: 'No action is needed.' },
  'idempotency-key': {
    what: '--idempotency-key',
    instead: 'Leave the option out, and look whether the job is there before you repeat the command.',
  },
  'dry-run': {
    what: 'a dry run: it would hand the job out',
    instead: 'Nothing was asked and nothing was claimed. Without --dry-run the job is claimed and runs.',
  },
  'claim-post': { what: 'claims with many repositories', instead: 'No action is needed.' },
  claims: { what: 'repeatable claims', instead: 'No action is needed.' },
  leases: { what: 'the state of a lease', instead: 'No action is needed.' },
  chunks: { what: 'numbered output', instead: 'No action is needed.' },
  'events-persistent': { what: 'streams that stay open', instead: 'No action is needed.' },
  'events-ws': {
    what: '--transport ws',
    instead: 'Use --transport auto, which takes what the server offers.',
  },
  release: { what: 'to give a job back', instead: 'Its lease runs out by itself.' },
  condition: { what: 'conditions of a machine', instead: 'No action is needed.' },
  abilities: { what: 'kinds of job beyond those of v0.4.4', instead: 'No action is needed.' },
  asking: { what: 'to wait for a person at the machine', instead: 'No action is needed.' },
};

/** The error of a command whose extension the server does not offer. */
export function notOffered(capability: Capability, baseUrl: string): CliError {
  const { what, instead } = WORDS[capability];
  return new CliError(`This server (${new URL(baseUrl).origin}) does not offer ${what}.`, {
    code: NOT_OFFERED,
    hint: instead,
  });
}

/** Code of that error. */
export const NOT_OFFERED = 'not_offered';

/** Rows whose repetition a v0.4.4 server is not known to recognize. */
const REPEATABLE_ONLY_WITH: Readonly<Record<string, Capability>> = {
  queueCheckpoint: 'idempotency-key',
  enqueueJob: 'idempotency-key',
  respondCheckpoint: 'leases',
  addMessage: 'chunks',
  addLogs: 'chunks',
  pollAgent: 'claims',
  // Through `expectedAttempt`.
  retryJob: 'jobs',
};

/** Whether the same request may be sent again after a lost answer, by what this server is known to do. */
export function isSafeToRepeat(row: Endpoint, server: Pick<KnownServer, 'offers'>): boolean {
  const needs = REPEATABLE_ONLY_WITH[row.name];
  return row.idempotent && (needs === undefined || server.offers(needs));
}
