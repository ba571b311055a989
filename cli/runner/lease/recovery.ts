/**
 * What an earlier run of the runner left in the spool is resolved, each lease by what can be proven:
 *
 *   a result              → delivered under its lease
 *   the agent still runs, or something it started → stopped: nobody reads its output any more; then as below
 *   the agent left an answer and was seen to end well → completed with it
 *   the agent left an answer, nobody saw how it ended → failed with that answer, and said so
 *   the agent may have run, no result → failed, and said that nobody knows what it did
 *   the agent was never started       → failed, and said that nothing ran
 *   not even a claim can be read      → put aside for a person
 *
 * All of it under the fence: what the service gave to somebody else stays as it is there, and is kept here.
 */

import { existsSync } from 'node:fs';
import { readLeftAnswer } from '../../agents/answer-file.ts';
import { messageOf } from '../../base/exit.ts';
import type { Held, LeaseVerdict } from '../job/hosted-api.ts';
import { failedResult, fitContent, otherSessionSentence, summarise } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type FamilyMark, ProcessFamily } from '../process/family.ts';
import { isStillRunning } from '../process/process-table.ts';
import { stopFamily } from '../process/terminate.ts';
import { redactText } from '../redaction/redact.ts';
import {
  type Journal,
  keepAnswer,
  LeaseSpool,
  listSpools,
  moveAside,
  readJournal,
  readResult,
} from '../spool/lease-spool.ts';
import { dangerOfSpool, spoolFolder } from '../spool/places.ts';
import { type ResultRecord, readSeq } from '../spool/records.ts';
import { type Delivery, deliver } from './delivery.ts';
import { UploadLoop } from './upload-loop.ts';

export interface Recovered {
  held: Held;
  repoRoot: string | undefined;
  result: ResultRecord;
  delivery: Delivery;
}

export interface RecoveryOptions {
  /** Folders that this run is working on. */
  isBusy(folder: string): boolean;
  /** Ends the tries; what is left waits for the next recovery. */
  signal: AbortSignal;
  /** For local records. */
  onRecovered(recovered: Recovered): Promise<void>;
}

const UNKNOWN = 'The runner stopped before the agent finished; what it did is unknown.';
const ENDED_UNSEEN =
  'The runner stopped before the agent finished. The agent left an answer and ended unseen; whether it did all of its work is unknown.';
const NOT_COMPLETED =
  'The agent ended without completing its turn, and the runner stopped before it could report the reason.';
const NEVER_RAN = 'The runner stopped before it started the agent; nothing ran.';

/** Resolves everything that is left. Returns how many still wait: for the service, or for a person. */
export async function recoverSpools(context: WorkContext, options: RecoveryOptions): Promise<number> {
  const folders = await listSpools(spoolFolder(context.env, context.machine.machine_id));
  let waiting = 0;
  // Begun at another one each time: a server that is slow with one job does not keep the others from their turn.
  const first = Math.floor(Math.random() * folders.length);
  for (const folder of [...folders.slice(first), ...folders.slice(0, first)]) {
    if (options.isBusy(folder)) continue;
    if (options.signal.aborted) waiting += 1;
    else if (await recoverOrTell(context, folder, options)) waiting += 1;
  }
  return waiting;
}

/** A folder that cannot be worked with is no reason to keep the results of the others. */
async function recoverOrTell(
  context: WorkContext,
  folder: string,
  options: RecoveryOptions,
): Promise<boolean> {
  try {
    return await recoverSpool(context, folder, options);
  } catch (error) {
    context.reporter.warn(`The spool ${folder} could not be looked after, and stays: ${messageOf(error)}`);
    return true;
  }
}

/** True when the service could not be reached with it. */
async function recoverSpool(
  context: WorkContext,
  folder: string,
  options: RecoveryOptions,
): Promise<boolean> {
  const { env, reporter, service } = context;
  const danger = dangerOfSpool(folder);
  if (danger !== undefined) {
    reporter.warn(
      `A spool was put aside because ${danger}; nothing in it was acted on: ${await moveAside(folder, env)}`,
    );
    return false;
  }
  const journal = await readJournal(folder);
  if (journal === undefined) {
    // Delivered and removed by the job that was at work on it when the folders were listed.
    if (!existsSync(folder)) return false;
    reporter.warn(`A spool without a readable journal was put aside: ${await moveAside(folder, env)}`);
    return false;
  }
  const { claim } = journal;
  if (await isHeldByAnother(journal, context)) return false;
  // Whoever is signed in now: nobody looks after the agent any more.
  const result = (await readResult(folder)) ?? (await conclude(folder, journal, context));
  if (claim.base_url !== service.baseUrl) {
    reporter.info(
      `Job ${claim.job_id} belongs to ${claim.base_url}; its result waits for a runner of that service.`,
    );
    return false;
  }
  const held = heldOf(journal);
  const delivery = await deliverLate(context, { folder, held, result, signal: options.signal });
  reportDelivery(context, claim.job_id, delivery);
  const isOwed = delivery.kind === 'delivered' && delivery.isTranscriptOwed === true;
  if (!isOwed) await options.onRecovered({ held, repoRoot: claim.repo_root, result, delivery });
  return isOwed || delivery.kind === 'pending';
}

/** Under another account the service could only say that the job is not theirs: see {@link Held}. */
function heldOf({ claim }: Journal): Held {
  const { account } = claim;
  return {
    jobId: claim.job_id,
    leaseId: claim.lease_id,
    ...(claim.checkpoint_id === undefined ? {} : { checkpointId: claim.checkpoint_id }),
    ...(account === undefined ? {} : { account: { userId: account.user_id, email: account.email } }),
  };
}

/** Another runner process that lives works on it. */
async function isHeldByAnother({ claim }: Journal, { self }: WorkContext): Promise<boolean> {
  const mark = { pid: claim.runner.pid, startTime: claim.runner.start_time };
  if (mark.pid === self.pid && mark.startTime === self.startTime) return false;
  return isStillRunning(mark);
}

/** What was found is written down at once: the next look finds an agent that was stopped, and could not tell by whom. */
async function conclude(folder: string, journal: Journal, context: WorkContext): Promise<ResultRecord> {
  const result = await concludeWithoutResult({ folder, journal }, context);
  const spool = await LeaseSpool.open(folder);
  try {
    await spool.setResult(result).catch(() => undefined);
  } finally {
    await spool.close();
  }
  return result;
}

async function concludeWithoutResult(
  { folder, journal }: { folder: string; journal: Journal },
  context: WorkContext,
): Promise<ResultRecord> {
  const { claim, progress, answerPath, otherSession } = journal;
  if (progress.kind === 'claimed') return failedResult('agent_error', NEVER_RAN, new Date());
  const stopped = await stopOrphans(progress.mark, context);
  if (otherSession !== undefined) {
    return failedResult('session_missing', otherSessionSentence(otherSession) + stopped, new Date());
  }
  const answer = answerPath === undefined ? undefined : await readLeftAnswer(folder, answerPath);
  if (answer === undefined) return failedResult('agent_error', UNKNOWN + stopped, new Date());
  const keep = (name: string, text: string) => keepAnswer(context.env, name, text);
  const content = await fitContent(redactText(answer, context.secrets), heldOf(journal), keep);
  if (progress.end?.exitCode === 0 && !progress.end.wasStopped) {
    const { turn } = progress.end;
    if (turn !== 'failed' && turn !== 'open') return completedResult(content, claim.job_kind);
    return { ...failedResult('agent_error', NOT_COMPLETED, new Date()), content };
  }
  const error = (stopped === '' ? ENDED_UNSEEN : UNKNOWN) + stopped;
  return { ...failedResult('agent_error', error, new Date()), content };
}

/** The runner saw the agent end well, and was killed before it wrote down what that means. */
function completedResult(content: string, kind: string): ResultRecord {
  const summary = summarise(content, kind);
  const finished_at_utc = new Date().toISOString();
  return { outcome: 'completed', finished_at_utc, content, ...(summary === undefined ? {} : { summary }) };
}

/** The agent itself may have ended, and what it started may not have. */
async function stopOrphans(mark: FamilyMark, { graces }: WorkContext): Promise<string> {
  const { processes, left, signal } = await stopFamily(ProcessFamily.found(mark), graces);
  if (signal === 'none') return '';
  const rest = left === 0 ? '' : `, ${left} could not be ended`;
  return ` It was still running and was stopped (${processes} ended by ${signal}${rest}).`;
}

interface LateDelivery {
  folder: string;
  held: Held;
  result: ResultRecord;
  signal: AbortSignal;
}

async function deliverLate(context: WorkContext, late: LateDelivery): Promise<Delivery> {
  const { folder, held } = late;
  // The heartbeat first: a job that went `lost` while this machine was away takes up its lease again.
  const beat = await context.service.heartbeat(held, context.isDraining());
  if (beat.kind === 'unavailable' || beat.kind === 'unauthenticated') {
    return { kind: 'pending', message: beat.message };
  }
  const verdict = beat.kind === 'ok' ? beat.value.verdict : undefined;
  const spool = await LeaseSpool.open(folder);
  try {
    return await deliverFrom(spool, context, { ...late, verdict });
  } finally {
    await spool.close();
  }
}

/** The result is on the disk, or could not be brought there when it was found: it is delivered in either case. */
async function deliverFrom(
  spool: LeaseSpool,
  context: WorkContext,
  { held, result, signal, verdict }: LateDelivery & { verdict: LeaseVerdict | undefined },
): Promise<Delivery> {
  const { service, env } = context;
  const received = await askReceived(context, held);
  // A loss of power may have taken chunks from here that the service has already: their numbers stay used.
  spool.skipTo(received);
  const { chunksPath } = spool;
  const uploads = new UploadLoop({ service, held, chunksPath, received, askLease: async () => verdict });
  // The rounds of the recovery come back: one spool that cannot be delivered must not hold up the others.
  return deliver({ service, held, spool, uploads, result, env, signal, isOnce: true });
}

async function askReceived({ service }: WorkContext, held: Held): Promise<number> {
  // Without numbers nobody can tell; lines that arrive twice are better than lines that are missing.
  const numbers = await service.offers('chunks');
  if (numbers.kind !== 'ok' || !numbers.value) return 0;
  const reply = await service.addLogs(held, []);
  return (reply.kind === 'ok' ? readSeq(reply.value.received) : undefined) ?? 0;
}

function reportDelivery({ reporter }: WorkContext, jobId: string, delivery: Delivery): void {
  switch (delivery.kind) {
    case 'delivered':
      reporter.info(
        delivery.isTranscriptOwed
          ? `Job ${jobId} of an earlier run was reported; the rest of its output follows.`
          : `Job ${jobId} of an earlier run was reported.`,
      );
      return;
    case 'refused':
      reporter.warn(
        `Job ${jobId} of an earlier run is not ours any more: ${delivery.message}` +
          (delivery.keptAt === undefined ? '' : ` Its answer is kept in ${delivery.keptAt}.`),
      );
      return;
    case 'pending':
      reporter.warn(`Job ${jobId} of an earlier run still waits for the service: ${delivery.message}`);
      return;
  }
}
