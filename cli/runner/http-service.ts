/** The runner's view of the service over the rows of the contract. One try per call; every failure becomes a value. */

import type { Endpoint } from '../../spec/contract/endpoint.ts';
import { cancelJob } from '../../spec/contract/jobs.ts';
import {
  addLogs,
  addMessage,
  completeJob,
  heartbeat,
  pollJob,
  releaseJob,
  startJob,
} from '../../spec/contract/runner.ts';
import type { RunnerMachine } from '../../spec/local/runner-machine.ts';
import type { CallInput } from '../client/call.ts';
import { send } from '../client/call.ts';
import type { Client } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { ServiceError } from '../client/service-error.ts';
import { CliError } from '../exit.ts';
import { readString } from '../link/fields.ts';
import { isObject } from '../link/json-file.ts';
import { type Account, isOtherAccount } from '../link/remote-session.ts';
import { isSystemError } from '../system-error.ts';
import type { Body, HeartbeatReply, Held, LeaseVerdict, Reply, RunnerService } from './service.ts';

export interface HttpServiceOptions {
  machine: Pick<RunnerMachine, 'machine_id' | 'machine_name'>;
  /** This run of the runner. */
  instance: string;
  /** The origin that everything goes to, whoever signs in where meanwhile. */
  baseUrl: string;
  /** Makes a client with the token that is stored now; throws when there is none for this origin. */
  connect(): Promise<Client>;
}

/** Makes the service. */
export function httpService(options: HttpServiceOptions): RunnerService {
  const { machine, instance, baseUrl } = options;
  const machineId = machine.machine_id;
  const line = new Line(options.connect);
  const fence = ({ leaseId }: Held) => ({ machineId, leaseId: leaseId ?? null });
  const at = ({ jobId }: Held) => ({ jobId });
  return {
    baseUrl,
    poll: ({ claimId, dryRun, projectRoots }) =>
      line.send(pollJob, {
        query: {
          machineId,
          instance,
          claimId,
          projectRoot: [...(projectRoots ?? [])],
          dryRun: dryRun ? '1' : undefined,
        },
      }),
    heartbeat: async ({ jobId, leaseId, account }, draining, { condition, asking } = {}) => {
      const body = {
        machineId,
        machineName: machine.machine_name,
        instance,
        ...(jobId === undefined ? {} : { jobId }),
        ...(leaseId === undefined ? {} : { leaseId }),
        ...(draining ? { draining } : {}),
        ...(condition === undefined ? {} : { condition }),
        ...(asking ? { asking } : {}),
      };
      return mapReply(await line.send(heartbeat, { body }, account), readHeartbeat);
    },
    start: (held) => line.send(startJob, { params: at(held), body: fence(held) }, held.account),
    addMessage: (held, { seq, at: time, content, meta }) =>
      line.send(
        addMessage,
        { params: at(held), body: { ...fence(held), sender: 'system', content, meta, seq, at: time } },
        held.account,
      ),
    addLogs: (held, chunks) =>
      line.send(addLogs, { params: at(held), body: { ...fence(held), chunks: [...chunks] } }, held.account),
    complete: (held, { failureKind, ...report }) =>
      line.send(
        completeJob,
        {
          params: at(held),
          body: { ...fence(held), ...report, ...(failureKind === undefined ? {} : { failureKind }) },
        },
        held.account,
      ),
    release: (held, report) =>
      line.send(
        releaseJob,
        { params: at(held), body: { machineId, leaseId: held.leaseId ?? '', ...report } },
        held.account,
      ),
    confirmCancel: (held, receipt) =>
      line.send(
        cancelJob,
        { params: at(held), body: { ...fence(held), reason: null, receipt } },
        held.account,
      ),
  };
}

/**
 * Calls under whoever is signed in at that moment. It is looked up for each, because nobody has to sign out before somebody
 * else signs in: a token kept from before would go on working for an account that has left this machine.
 */
export class Line {
  readonly #connect: () => Promise<Client>;

  constructor(connect: () => Promise<Client>) {
    this.#connect = connect;
  }

  /** @param owner nothing is sent while another account is signed in */
  async send<Row extends Endpoint>(row: Row, input: CallInput<Row>, owner?: Account): Promise<Reply<Body>> {
    try {
      const client = { ...(await this.#connect()), retry: NO_RETRY };
      const { account } = client;
      if (isOtherAccount(owner, account)) {
        return { kind: 'unauthenticated', message: waitsFor(owner, account) };
      }
      return { kind: 'ok', value: await send(client, row, input), account };
    } catch (error) {
      return readFailure(error);
    }
  }
}

function waitsFor(owner: Account | undefined, signedIn: Account | undefined): string {
  const nameOf = (account: Account | undefined) => account?.email ?? `account ${account?.userId}`;
  return `It waits for ${nameOf(owner)}, who claimed it; ${nameOf(signedIn)} is signed in now.`;
}

/** Codes of services that send none, from the status. */
const CODE_OF_STATUS: Record<number, string> = {
  400: 'invalid_input',
  403: 'foreign_machine',
  404: 'not_found',
  409: 'lease_lost',
  413: 'body_too_large',
};

function readFailure(error: unknown): Exclude<Reply<Body>, { kind: 'ok' }> {
  if (!(error instanceof ServiceError)) {
    // Connecting failed: no token, or none for this origin.
    if (error instanceof CliError) return { kind: 'unauthenticated', message: error.message };
    // The sign-in could not be read just now. The agents at work are not to end for it.
    if (isSystemError(error)) {
      return { kind: 'unavailable', code: error.code.toLowerCase(), message: `${error.message}.` };
    }
    throw error;
  }
  const { status, message } = error;
  if (status === 401) return { kind: 'unauthenticated', message };
  const isPassing = error.kind !== 'refused' || status === 429 || status >= 500 || status < 400;
  // A route that is not there is a deployment that is not finished.
  if (isPassing || error.code === 'route_not_found') {
    return { kind: 'unavailable', code: error.code, message };
  }
  const code = error.code.startsWith('http_') ? (CODE_OF_STATUS[status] ?? error.code) : error.code;
  return { kind: 'refused', status, code, message };
}

function mapReply<A, B>(reply: Reply<A>, map: (value: A) => B): Reply<B> {
  return reply.kind === 'ok' ? { kind: 'ok', value: map(reply.value) } : reply;
}

function readHeartbeat(body: Body): HeartbeatReply {
  return { body, verdict: readVerdict(body.lease), drain: body.drain === true };
}

/** Only the word `stop` stops; a service that does not know it never does. */
function readVerdict(lease: unknown): LeaseVerdict | undefined {
  if (!isObject(lease)) return undefined;
  return {
    action: lease.action === 'stop' ? 'stop' : 'continue',
    reason: readString(lease, 'reason'),
    expiresAt: readString(lease, 'expiresAt'),
  };
}
