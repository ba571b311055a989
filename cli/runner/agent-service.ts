/**
 * The compatibility routes behind the runner's own view of the service, so that a review from there runs like any other
 * job: spool, redaction, supervision and late delivery are the same. What those routes do not have is answered here: there
 * is no start, no heartbeat and no transcript; the output travels with the answer.
 */

import { parseSections } from '../../spec/checkpoint/sections.ts';
import { pollAgent, respondCheckpoint } from '../../spec/contract/agent.ts';
import type { BodyInput } from '../../spec/contract/endpoint.ts';
import { cancelJob, showJob } from '../../spec/contract/jobs.ts';
import { readString } from '../link/fields.ts';
import { isObject } from '../link/json-file.ts';
import { type HttpServiceOptions, Line } from './http-service.ts';
import type { WorkerBlock } from './job-report.ts';
import type {
  Body,
  HeartbeatReply,
  Held,
  LeaseVerdict,
  Reply,
  ResultReport,
  RunnerService,
} from './service.ts';

/** What to ask for. */
export interface AgentQuestion {
  /** A selector; absent: any review. */
  agent?: string | undefined;
  claimId?: string | undefined;
  isDry?: boolean;
  /** Only for this repository. */
  projectRoot?: string | undefined;
  /** Not for these. */
  without?: readonly string[];
}

export interface AgentService extends RunnerService {
  ask(question: AgentQuestion): Promise<Reply<Body>>;
  /** The checkpoint that the answer of a job goes to. */
  expect(jobId: string, checkpointId: string): void;
  /** What the agent printed; sent along with the answer. */
  keepWorker(jobId: string, worker: WorkerBlock): void;
}

const NOTHING: Reply<Body> = { kind: 'ok', value: {} };

export function agentService({
  baseUrl,
  connect,
}: Pick<HttpServiceOptions, 'baseUrl' | 'connect'>): AgentService {
  const line = new Line(connect);
  const checkpoints = new Map<string, string>();
  const workers = new Map<string, WorkerBlock>();
  const checkpointOf = async (held: Held): Promise<Reply<string>> => {
    const known = checkpoints.get(held.jobId);
    return known === undefined ? askForCheckpoint(line, held) : { kind: 'ok', value: known };
  };
  return {
    baseUrl,
    ask: ({ agent, claimId, isDry, projectRoot, without }) =>
      line.send(pollAgent, {
        query: {
          agent: agent || undefined,
          claimId,
          dryRun: isDry ? '1' : undefined,
          projectRoot,
          notProjectRoot: without === undefined ? undefined : [...without],
        },
      }),
    expect: (jobId, checkpointId) => void checkpoints.set(jobId, checkpointId),
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
      const checkpoint = await checkpointOf(held);
      if (checkpoint.kind !== 'ok') return checkpoint;
      const body = answerOf(report, { worker: workers.get(held.jobId), leaseId: held.leaseId });
      const request = { params: { checkpointId: checkpoint.value }, body };
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

/** These routes have no way to give a review back: its holder reports a failure instead. */
const NO_RELEASE: Reply<Body> = {
  kind: 'refused',
  status: 404,
  code: 'not_found',
  message: 'A review from the compatibility route cannot be given back.',
};

const BEAT: Reply<HeartbeatReply> = { kind: 'ok', value: { body: {}, drain: false } };

/** No lease is renewed by it, but a cancelled or reclaimed review is noticed, and its agent stopped. */
async function lookAfter(line: Line, held: Held): Promise<Reply<HeartbeatReply>> {
  const reply = await line.send(showJob, { params: { jobId: held.jobId } }, held.account);
  // A service without this route says nothing about the review.
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

/** After a restart only the job is known. */
async function askForCheckpoint(line: Line, { jobId, account }: Held): Promise<Reply<string>> {
  const reply = await line.send(showJob, { params: { jobId } }, account);
  if (reply.kind !== 'ok') return reply;
  const { job } = reply.value;
  const checkpointId = isObject(job) ? readString(job, 'checkpointId') : undefined;
  if (checkpointId !== undefined) return { kind: 'ok', value: checkpointId };
  return {
    kind: 'refused',
    status: 404,
    code: 'not_found',
    message: `Job ${jobId} belongs to no checkpoint.`,
  };
}

type Answer = BodyInput<typeof respondCheckpoint>;

function answerOf(
  report: ResultReport,
  { worker, leaseId }: { worker: WorkerBlock | undefined; leaseId: string | undefined },
): Answer {
  const body = report.content ?? '';
  const exitCode = worker?.exitCode ?? (report.success ? 0 : 1);
  // The reason of a failure is read from the first line of the error output.
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
