/** Error texts for extensions that a server does not offer. */

import type { Capability } from '../../spec/capabilities.ts';
import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { CliError } from '../base/exit.ts';
import type { KnownServer } from './known-server.ts';

/** The name of an extension for people, and what they can do without it. */
const WORDS: Record<Capability, { what: string; instead: string }> = {
  jobs: {
    what: 'the job commands (`orp job …`)',
    instead:
      'Run `orp runner cancel <job-id>` or `orp runner retry <job-id>` on the machine that works on the job.',
  },
  follow: {
    what: 'following a job live',
    instead: 'Run `orp job logs <job-id>` to show the current output.',
  },
  machines: {
    what: 'managing a machine remotely (`runner drain`, `runner resume`, `runner status --hosted`)',
    instead: 'On the machine itself, press Ctrl-C once or run `orp runner disable`.',
  },
  'id-lookup': { what: 'the beginning of an id', instead: 'Give the complete id.' },
  reviews: {
    what: 'the list of reviews (`orp checkpoint list`, `orp checkpoint show`)',
    instead: 'Run `orp job list` to find the job of the review, and `orp job logs <job-id>` to read it.',
  },
  workspaces: { what: 'workspaces', instead: 'No action is needed.' },
  'token-revoke': { what: 'revoking a token', instead: 'The token is only removed from this machine.' },
  'known-device': { what: 'recognizing a device', instead: 'No action is needed.' },
  'device-flow': { what: 'signing in by a code', instead: 'Sign in with `orp auth login --email <email>`.' },
  tokens: {
    what: 'the list of devices and password changes',
    instead: 'Run `orp auth logout` on each device, and ask an operator for a new password.',
  },
  'token-scopes': {
    what: 'tokens with a scope',
    instead: 'Sign in with `orp auth login`. A token of a sign-in works in ORP_TOKEN, too.',
  },
  'idempotency-key': {
    what: '--idempotency-key',
    instead: 'Omit the option. Check whether the job exists before you repeat the command.',
  },
  'dry-run': {
    what: 'dry runs: it would hand out the job',
    instead: 'No request was sent and no job was claimed. Without --dry-run, the job is claimed and runs.',
  },
  'policy-report': { what: 'what the policy of a machine says', instead: 'No action is needed.' },
  'claim-post': { what: 'claims with many repositories', instead: 'No action is needed.' },
  claims: { what: 'repeatable claims', instead: 'No action is needed.' },
  leases: { what: 'the state of a lease', instead: 'No action is needed.' },
  chunks: { what: 'numbered output', instead: 'No action is needed.' },
  'events-persistent': { what: 'streams that stay open', instead: 'No action is needed.' },
  'events-ws': {
    what: '--transport ws',
    instead: 'Use --transport auto.',
  },
  release: { what: 'returning a job', instead: 'The lease of the job expires by itself.' },
  'usage-limit': {
    what: '--on-usage-limit',
    instead: 'Omit the option. A usage limit then returns the job to the queue.',
  },
  condition: { what: 'machine conditions', instead: 'No action is needed.' },
  abilities: { what: 'kinds of job beyond those of v0.4.4', instead: 'No action is needed.' },
  report: { what: 'reports of a runner', instead: 'No action is needed.' },
  admin: {
    what: 'the commands of operators (`orp admin …`)',
    instead: 'Update the server, or order each job with `orp job cancel` or `orp job retry`.',
  },
  people: {
    what: 'invitations and accounts (`orp admin invite`, `orp admin accounts`, …)',
    instead: 'Update the server, or run `npm run operator` beside its database.',
  },
  audit: { what: '`orp admin audit`', instead: 'Update the server.' },
  asking: { what: 'waiting for a person at the machine', instead: 'No action is needed.' },
};

/** The error for an extension that the server does not offer. */
export function notOffered(capability: Capability, baseUrl: string): CliError {
  const { what, instead } = WORDS[capability];
  return new CliError(`The server ${new URL(baseUrl).origin} does not support ${what}.`, {
    code: NOT_OFFERED,
    hint: instead,
  });
}

/** The error code if the server does not offer an extension. */
export const NOT_OFFERED = 'not_offered';

/** The routes on which a v0.4.4 server may not recognize a repeated request. */
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

/** Returns whether a request may be repeated after a lost answer, given the extensions of this server. */
export function isSafeToRepeat(row: Endpoint, server: Pick<KnownServer, 'offers'>): boolean {
  const needs = REPEATABLE_ONLY_WITH[row.name];
  return row.idempotent && (needs === undefined || server.offers(needs));
}
