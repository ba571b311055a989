/**
 * Implements the runner's interface to the server with the compatibility routes, so that reviews run like all other jobs,
 * with the same spool, redaction, supervision and late delivery. These routes have no start, no heartbeat and no transcript,
 * so this file answers such calls itself. The output is sent with the answer.
 */

import { randomUUID } from 'node:crypto';
import { parseSections } from '../../../spec/checkpoint/sections.ts';
import { claimReview, pollAgent, respondCheckpoint } from '../../../spec/contract/agent.ts';
import type { BodyInput, QueryInput } from '../../../spec/contract/endpoint.ts';
import { cancelJob, showJob } from '../../../spec/contract/jobs.ts';
import { send } from '../../client/call.ts';
import type { Client } from '../../client/client.ts';
import type { KnownServer } from '../../client/known-server.ts';
import { readString } from '../../files/fields.ts';
import { isObject } from '../../files/json-file.ts';
import { AccountClient, type HttpServiceOptions, listable } from '../hosted/http-hosted.ts';
import type {
  HeartbeatReply,
  Held,
  HostedApi,
  JsonBody,
  LeaseVerdict,
  Reply,
  ResultReport,
} from '../job/hosted-api.ts';
import type { WorkerBlock } from '../job/job-report.ts';

/** Which review to ask for. */
export interface AgentQuestion {
  /** A selector. If absent, any review matches. */
  agent?: string | undefined;
  claimId?: string | undefined;
  isDry?: boolean;
  /** If set, the server returns only reviews for this repository. */
  projectRoot?: string | undefined;
  /** The server returns no reviews for these repositories. */
  without?: readonly string[];
}

export interface AgentService extends HostedApi {
  ask(question: AgentQuestion): Promise<Reply<JsonBody>>;
  /** Keeps the output of the agent, which is sent with the answer. */
  keepWorker(jobId: string, worker: WorkerBlock): void;
}

const NOTHING: Reply<JsonBody> = { kind: 'ok', value: {} };

export function agentService({
  baseUrl,
  connect,
}: Pick<HttpServiceOptions, 'baseUrl' | 'connect'>): AgentService {
  const line = new AccountClient(connect);
  const workers = new Map<string, WorkerBlock>();
  return {
    baseUrl,
    offers: (capability) => line.offers(capability),
    ask: (question) => line.run((client) => claim(client, question)),
    keepWorker: (jobId, worker) => void workers.set(jobId, worker),
    poll: async () => NOTHING,
    heartbeat: async (held) =>
      held.jobId === undefined
        ? BEAT
        : lookAfter(line, { ...held, jobId: held.jobId, leaseId: held.leaseId }),
    start: async () => NOTHING,
    addMessage: async () => NOTHING,
    addLogs: async () => NOTHING,
    complete: async (held, report) => {
      const checkpoint = await findCheckpoint(line, held);
      if (checkpoint.kind !== 'ok') return checkpoint;
      const worker = workers.get(held.jobId);
      const request = (server: KnownServer) => {
        const leaseId = server.offers('leases') ? held.leaseId : undefined;
        return { params: { checkpointId: checkpoint.value }, body: answerOf(report, { worker, leaseId }) };
      };
      return line.send(respondCheckpoint, request, held.account);
    },
    release: async () => NO_RELEASE,
    confirmCancel: (held, receipt) =>
      line.send(
        cancelJob,
        { params: { jobId: held.jobId }, body: { leaseId: held.leaseId ?? null, reason: null, receipt } },
        held.account,
      ),
  };
}

/** These routes cannot return a review, so the holder reports a failure instead. */
const NO_RELEASE: Reply<JsonBody> = {
  kind: 'refused',
  status: 404,
  code: 'not_found',
  message: 'The runner cannot return a review that it received over the compatibility route.',
};

function claim(client: Client, question: AgentQuestion): Promise<JsonBody> {
  if (!client.server.offers('claim-post')) {
    return send(client, pollAgent, { query: queryOf(client.server, question) });
  }
  const { agent, claimId = randomUUID(), isDry: dryRun = false, projectRoot, without } = question;
  const projectRoots = projectRoot === undefined ? undefined : [projectRoot];
  const body = {
    agent: agent || undefined,
    claimId,
    dryRun,
    projectRoots,
    notProjectRoots: listable(without),
  };
  return send(client, claimReview, { body });
}

function queryOf(
  server: KnownServer,
  { agent, claimId, isDry, projectRoot, without }: AgentQuestion,
): QueryInput<typeof pollAgent> {
  const dry = isDry && server.offers('dry-run') ? ({ dryRun: '1' } as const) : {};
  const selector = { agent: agent || undefined, ...dry };
  if (!server.offers('claims')) return selector;
  return { ...selector, claimId, projectRoot, notProjectRoot: without && [...without] };
}

const BEAT: Reply<HeartbeatReply> = { kind: 'ok', value: { body: {}, drain: false } };

/** Checks whether the review was cancelled or reclaimed, so that its agent is stopped. It renews no lease. */
async function lookAfter(line: AccountClient, held: Held): Promise<Reply<HeartbeatReply>> {
  const offered = await line.offers('jobs');
  // A v0.4.4 server does not report the state of the review.
  if (offered.kind === 'ok' && !offered.value) return BEAT;
  const reply = await line.send(showJob, { params: { jobId: held.jobId } }, held.account);
  if (reply.kind === 'refused') return BEAT;
  if (reply.kind !== 'ok') return reply;
  const body = reply.value;
  return { kind: 'ok', value: { body, drain: false, verdict: verdictOf(body.job, held.leaseId) } };
}

function verdictOf(job: unknown, leaseId: string | undefined): LeaseVerdict | undefined {
  if (!isObject(job)) return undefined;
  const status = readString(job, 'status');
  if (status === 'cancelled') return { action: 'stop', reason: 'cancelled' };
  const holds = leaseId === undefined || readString(job, 'leaseId') === leaseId;
  if (status === undefined || (holds && (status === 'running' || status === 'lost')))
    return { action: 'continue' };
  return { action: 'stop', reason: 'revoked' };
}

/** Finds the checkpoint, which earlier versions did not record. */
async function findCheckpoint(
  line: AccountClient,
  { jobId, checkpointId: known, account }: Held,
): Promise<Reply<string>> {
  if (known !== undefined) return { kind: 'ok', value: known };
  const reply = await line.send(showJob, { params: { jobId } }, account);
  if (reply.kind !== 'ok') return reply;
  const { job } = reply.value;
  const checkpointId = isObject(job) ? readString(job, 'checkpointId') : undefined;
  if (checkpointId !== undefined) return { kind: 'ok', value: checkpointId };
  return {
    kind: 'refused',
    status: 404,
    code: 'not_found',
    message: `Job ${jobId} has no checkpoint.`,
  };
}

type Answer = BodyInput<typeof respondCheckpoint>;

function answerOf(
  report: ResultReport,
  { worker, leaseId }: { worker: WorkerBlock | undefined; leaseId: string | undefined },
): Answer {
  const body = report.content ?? '';
  const exitCode = worker?.exitCode ?? (report.success ? 0 : 1);
  // The server reads the reason of a failure from the first line of stderr.
  const stderr = report.success
    ? (worker?.stderr ?? '')
    : [report.error ?? '', worker?.stderr ?? ''].join('\n');
  return {
    summary: report.summary ?? '',
    body,
    structuredOutput: structuredOf(body),
    worker: {
      command: worker?.command ?? '',
      exitCode: report.success || exitCode !== 0 ? exitCode : 1,
      stdout: worker?.stdout ?? '',
      stderr,
      ok: report.success,
    },
    ...(leaseId === undefined ? {} : { leaseId }),
  };
}

/** The sections of an answer with every key of the contract. */
export function structuredOf(body: string): Record<string, unknown> {
  const { previousState, currentState, headingState, reviewNotes, actionItems } = parseSections(body);
  return {
    previousState: previousState ?? null,
    currentState: currentState ?? null,
    headingState: headingState ?? null,
    reviewNotes: reviewNotes ?? [],
    actionItems: actionItems ?? [],
  };
}
