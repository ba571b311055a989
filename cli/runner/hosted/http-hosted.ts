/**
 * Implements the runner's interface to the server with the routes of the contract. Each call is one attempt, and every
 * failure becomes a value.
 */

import { randomUUID } from 'node:crypto';
import { BOUNDS } from '../../../spec/bounds.ts';
import type { Capability } from '../../../spec/capabilities.ts';
import { getMe } from '../../../spec/contract/auth.ts';
import type { Endpoint, QueryInput } from '../../../spec/contract/endpoint.ts';
import { cancelJob } from '../../../spec/contract/jobs.ts';
import {
  addLogs,
  addMessage,
  claimJob,
  completeJob,
  heartbeat,
  pollJob,
  releaseJob,
  startJob,
} from '../../../spec/contract/runner.ts';
import { RETRYABLE } from '../../../spec/errors.ts';
import { isOwnerCondition } from '../../../spec/job/condition.ts';
import { knownKinds } from '../../../spec/job/kinds.ts';
import type { RunnerMachine } from '../../../spec/local/runner-machine.ts';
import { AGENTS } from '../../agents/registry.ts';
import { CliError } from '../../base/exit.ts';
import { isSystemError } from '../../base/system-error.ts';
import { type CallInput, findOffer, introduce, send } from '../../client/call.ts';
import type { Client } from '../../client/client.ts';
import type { KnownServer } from '../../client/known-server.ts';
import { NOT_OFFERED } from '../../client/offers.ts';
import { NO_RETRY } from '../../client/retry.ts';
import { ServerError } from '../../client/server-error.ts';
import { readString } from '../../files/fields.ts';
import { isObject } from '../../files/json-file.ts';
import { userOf } from '../../hosted/identity.ts';
import { type Account, isOtherAccount, rememberOwner } from '../../records/sign-in-record.ts';
import type {
  HeartbeatExtras,
  HeartbeatReply,
  Held,
  HostedApi,
  JsonBody,
  LeaseVerdict,
  MachineCondition,
  PollRequest,
  Reply,
} from '../job/hosted-api.ts';
import type { ChunkRecord } from '../spool/records.ts';

export interface HttpServiceOptions {
  machine: Pick<RunnerMachine, 'machine_id' | 'machine_name'>;
  /** Identifies this run of the runner. */
  instance: string;
  /** The server for all calls, even if a person signs in at another server in the meantime. */
  baseUrl: string;
  /** Creates a client with the current token. Throws if there is no token for this server. */
  connect(): Promise<Client>;
  /**
   * Called with every answer to a heartbeat or a poll that says whether the machine is drained. The argument is true if the server has
   * drained this machine.
   */
  onDrainOrder?(isGiven: boolean): void;
}

const at = ({ jobId }: Held) => ({ jobId });

/** Creates the interface. */
export function httpHosted(options: HttpServiceOptions): HostedApi {
  const { machine, instance, baseUrl } = options;
  const machineId = machine.machine_id;
  const line = new AccountClient(options.connect);
  const fence = ({ leaseId }: Held) => ({ machineId, leaseId: leaseId ?? null });
  return {
    baseUrl,
    offers: (capability) => line.offers(capability),
    poll: async (request) => {
      const reply = await line.run((client) => claim(client, { ...request, machineId, instance }));
      const drain = reply.kind === 'ok' ? reply.value.drain : undefined;
      if (typeof drain === 'boolean') options.onDrainOrder?.(drain);
      return reply;
    },
    heartbeat: async (held, draining, extras = {}) => {
      const own = { machineId, machineName: machine.machine_name };
      const input = (server: KnownServer) => ({
        body: {
          ...own,
          ...(server.offers('leases') ? { instance, ...(draining ? { draining } : {}) } : {}),
          ...beatFields(server, held, extras),
        },
      });
      const reply = mapReply(await line.send(heartbeat, input, held.account), readHeartbeat);
      // An exiting runner reports that it is draining itself, so `drain` in the answer is then not an order of a person.
      if (reply.kind === 'ok' && !draining) options.onDrainOrder?.(reply.value.drain);
      return reply;
    },
    start: (held) => line.send(startJob, { params: at(held), body: fence(held) }, held.account),
    addMessage: (held, { seq, at: time, ...message }) => {
      const body = { ...fence(held), sender: 'system', ...message };
      const input = (server: KnownServer) => ({
        params: at(held),
        body: server.offers('chunks') ? { ...body, seq, at: time } : body,
      });
      return line.send(addMessage, input, held.account);
    },
    addLogs: (held, chunks) => {
      const input = (server: KnownServer) => ({
        params: at(held),
        body: {
          ...fence(held),
          ...(server.offers('chunks') ? { chunks: [...chunks] } : { lines: linesOf(chunks) }),
        },
      });
      return line.send(addLogs, input, held.account);
    },
    complete: (held, { failureKind, ...report }) => {
      const body = { ...fence(held), ...report };
      const input = (server: KnownServer) => ({
        params: at(held),
        body: failureKind !== undefined && server.offers('leases') ? { ...body, failureKind } : body,
      });
      return line.send(completeJob, input, held.account);
    },
    release: async (held, report) => {
      const body = { machineId, leaseId: held.leaseId ?? '', ...report };
      const reply = await line.send(releaseJob, { params: at(held), body }, held.account);
      // If the server does not have this route, the runner reports a failure or lets the lease expire.
      const isLasting = reply.kind === 'unavailable' && reply.code === NOT_OFFERED;
      return isLasting ? { ...reply, kind: 'refused', status: 0 } : reply;
    },
    confirmCancel: (held, receipt) =>
      line.send(
        cancelJob,
        (server) => ({
          params: at(held),
          body: { ...fence(held), reason: null, ...(server.offers('leases') ? { receipt } : {}) },
        }),
        held.account,
      ),
  };
}

/** Returns whether the server knows this condition. It refuses a heartbeat with an unknown one. */
function knows(server: KnownServer, { code }: MachineCondition): boolean {
  return server.offers(isOwnerCondition(code) ? 'policy-report' : 'condition');
}

/** The fields of a heartbeat that this server knows. */
function beatFields(
  server: KnownServer,
  { jobId, leaseId }: Partial<Held>,
  { condition, asking, spool, agent }: HeartbeatExtras,
) {
  return {
    ...(jobId === undefined ? {} : { jobId }),
    ...(leaseId === undefined ? {} : { leaseId }),
    ...(condition !== undefined && knows(server, condition) ? { condition } : {}),
    ...(asking && server.offers('asking') ? { asking } : {}),
    ...(server.offers('report') ? { spool, agent } : {}),
  };
}

type Claim = PollRequest & { machineId: string; instance: string };

/** Claims a job with the newest route that the server supports. */
function claim(client: Client, request: Claim): Promise<JsonBody> {
  const { machineId, instance, claimId, dryRun = false, projectRoots } = request;
  if (!client.server.offers('claim-post')) {
    return send(client, pollJob, { query: { machineId, ...pollExtras(client.server, request) } });
  }
  const body = {
    machineId,
    instance,
    claimId: claimId ?? randomUUID(),
    dryRun,
    projectRoots: listable(projectRoots),
    ...(client.server.offers('abilities') ? { kinds: knownKinds(), agents: [...AGENTS.keys()] } : {}),
  };
  return send(client, claimJob, { body });
}

/** Omits a list that is too long. The server then considers every repository that the machine has synced. */
export function listable(roots: readonly string[] | undefined): string[] | undefined {
  return roots === undefined || roots.length > BOUNDS.machineProjects ? undefined : [...roots];
}

/** The fields of a poll that v0.4.4 does not know. */
function pollExtras(
  server: KnownServer,
  { instance, claimId, dryRun, projectRoots }: Claim,
): Partial<QueryInput<typeof pollJob>> {
  const dry = dryRun && server.offers('dry-run') ? ({ dryRun: '1' } as const) : {};
  if (!server.offers('claims')) return dry;
  return { instance, claimId, projectRoot: [...(projectRoots ?? [])], ...dry };
}

/**
 * Makes each call with the current sign-in. It reads the sign-in for each call, because another account can sign in at any
 * time. With a cached token, the runner would act for an account that no longer uses this machine.
 */
export class AccountClient {
  readonly #connect: () => Promise<Client>;
  /** False until the server's capabilities are known. No call is made before that. */
  #isIntroduced = false;

  constructor(connect: () => Promise<Client>) {
    this.#connect = connect;
  }

  /**
   * @param input the request, or a function that builds it from the server's capabilities
   * @param owner if another account is signed in, nothing is sent
   */
  send<Row extends Endpoint>(
    row: Row,
    input: CallInput<Row> | ((server: KnownServer) => CallInput<Row>),
    owner?: Account,
  ): Promise<Reply<JsonBody>> {
    return this.run((client) => {
      const request = typeof input === 'function' ? input(client.server) : input;
      return send(client, row, request);
    }, owner);
  }

  /** Runs one call; see {@link send}. */
  async run(ask: (client: Client) => Promise<JsonBody>, owner?: Account): Promise<Reply<JsonBody>> {
    return this.#connected(async (client) => {
      const account = client.isNameless ? await askOwner(client) : client.account;
      if (isOtherAccount(owner, account)) {
        return { kind: 'unauthenticated', message: waitsFor(owner, account) };
      }
      await this.#introduce(client);
      return { kind: 'ok', value: await ask(client), account };
    });
  }

  async #introduce(client: Client): Promise<void> {
    if (!this.#isIntroduced) this.#isIntroduced = (await introduce(client)) === 'introduced';
  }

  /** Returns whether the server offers an extension; asks the server if that is not known. */
  async offers(capability: Capability): Promise<Reply<boolean>> {
    return this.#connected(async (client) => ({ kind: 'ok', value: await findOffer(client, capability) }));
  }

  async #connected<T>(work: (client: Client) => Promise<Reply<T>>): Promise<Reply<T>> {
    let client: Client;
    try {
      client = { ...(await this.#connect()), retry: NO_RETRY };
    } catch (error) {
      // There is no token for this server, so a person must sign in.
      if (error instanceof CliError) return { kind: 'unauthenticated', message: error.message };
      return readFailure(error);
    }
    try {
      return await work(client);
    } catch (error) {
      return readFailure(error);
    }
  }
}

/**
 * Asks the server whose token `ORP_TOKEN` is. Without the account, the policy would not know the owner, and the spool could
 * not keep the data of two accounts apart.
 */
async function askOwner(client: Client): Promise<Account | undefined> {
  const user = userOf(await send(client, getMe, {}));
  return user === undefined ? undefined : rememberOwner(client.token, user);
}

function waitsFor(owner: Account | undefined, signedIn: Account | undefined): string {
  const nameOf = (account: Account | undefined) => account?.email ?? `account ${account?.userId}`;
  return `It waits for ${nameOf(owner)}, who claimed it; ${nameOf(signedIn)} is signed in now.`;
}

/** Codes after which a person must sign in, or set another token. */
const NEEDS_SIGN_IN: ReadonlySet<string> = new Set(['unauthenticated', 'insufficient_scope']);

/** Codes of temporary refusals: the same request may succeed later. */
const PASSING: ReadonlySet<string> = new Set([
  ...RETRYABLE,
  'limit_reached',
  // A route may be missing while a deployment is not finished.
  'route_not_found',
  'method_not_allowed',
]);

/** Only the server's own answer is a refusal. Everything else is an outage, and the request is sent again. */
function readFailure(error: unknown): Exclude<Reply<never>, { kind: 'ok' }> {
  if (error instanceof ServerError) {
    const { kind, status, code, message, details } = error;
    if (kind !== 'refused' || PASSING.has(code)) return { kind: 'unavailable', code, message, details };
    if (NEEDS_SIGN_IN.has(code)) return { kind: 'unauthenticated', message, details };
    return { kind: 'refused', status, code, message, details };
  }
  if (error instanceof CliError) {
    const { code, message } = error;
    if (code === NOT_OFFERED) return { kind: 'unavailable', code, message };
    // The request is invalid and was not sent. Neither a retry nor a sign-in helps.
    return { kind: 'refused', status: 0, code, message };
  }
  // The sign-in file cannot be read at the moment. Running agents must not stop for this reason.
  if (isSystemError(error)) {
    return { kind: 'unavailable', code: error.code.toLowerCase(), message: `${error.message}.` };
  }
  throw error;
}

function mapReply<A, B>(reply: Reply<A>, map: (value: A) => B): Reply<B> {
  return reply.kind === 'ok' ? { kind: 'ok', value: map(reply.value) } : reply;
}

function readHeartbeat(body: JsonBody): HeartbeatReply {
  return { body, verdict: readVerdict(body.lease), drain: body.drain === true };
}

/** Reads the state of the lease. Only `stop` stops the agent. */
function readVerdict(lease: unknown): LeaseVerdict | undefined {
  if (!isObject(lease)) return undefined;
  return {
    action: lease.action === 'stop' ? 'stop' : 'continue',
    reason: readString(lease, 'reason'),
    expiresAt: readString(lease, 'expiresAt'),
  };
}

/** One line in the form that a v0.4.4 server accepts. */
export interface LogLine {
  level: 'info' | 'error';
  line: string;
}

/**
 * Splits chunks into lines, in the order of printing, without blank lines. A line that is spread over two chunks is
 * joined. A line that continues after the last chunk becomes two lines.
 */
export function linesOf(chunks: readonly ChunkRecord[]): LogLine[] {
  const lines: LogLine[] = [];
  let open: LogLine | undefined;
  for (const { stream, level, text } of chunks) {
    const wire = stream === 'stderr' || level === 'error' ? 'error' : 'info';
    const [first = '', ...others] = text.split('\n');
    if (open?.level === wire) open.line += first;
    else {
      open = { level: wire, line: first };
      lines.push(open);
    }
    for (const line of others) {
      open = { level: wire, line };
      lines.push(open);
    }
    if (open.line === '') open = undefined;
  }
  return lines.map(({ level, line }) => ({ level, line: line.trimEnd() })).filter(({ line }) => line !== '');
}
