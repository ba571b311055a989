/**
 * Delivers the spools that an earlier runner process left, one lease after the other:
 *
 *   a result                   → delivered under its lease
 *   a prompt in an agent server → the runner follows the turn, or reads the result from the transcript of the session
 *   no result                  → left-job.ts determines the result from the disk; then delivered
 *   no readable claim          → moved aside for a person
 *   a folder that is not safe  → moved aside for a person; the runner reads nothing in it
 *
 * The lease id protects jobs that the server has given to another runner: the server refuses the old result, and this machine
 * keeps it.
 */

import { existsSync } from 'node:fs';
import { messageOf } from '../../base/exit.ts';
import type { Held } from '../job/hosted-api.ts';
import type { WorkContext } from '../job/work-context.ts';
import { type Journal, listSpools, moveAside, readJournal, readResult } from '../spool/lease-spool.ts';
import { dangerOfSpool, spoolFolder } from '../spool/places.ts';
import type { ResultRecord } from '../spool/records.ts';
import type { Delivery } from './delivery.ts';
import { JobLease } from './job-lease.ts';
import { isHeldByAnother } from './lease-record.ts';
import { concludeLeftJob } from './left-job.ts';

export interface Recovered {
  held: Held;
  repoRoot: string | undefined;
  result: ResultRecord;
  delivery: Delivery;
}

/**
 * `later`: another program has the session open, and the turn may run in it. `no`: no agent server answers, or the prompt was
 * not entered into one.
 */
export type Adoption = 'adopted' | 'later' | 'no';

export interface RecoveryOptions {
  /** Returns whether this process works on the folder. */
  isBusy(folder: string): boolean;
  /** Aborting ends the attempts. The other spools wait for the next recovery. */
  signal: AbortSignal;
  /** Takes over a job whose prompt was entered into an agent server, and follows it in the background. */
  adopt?(context: WorkContext, left: { folder: string; journal: Journal }): Promise<Adoption>;
  /** Called after a delivery, to update the local records. */
  onRecovered(recovered: Recovered): Promise<void>;
}

/** Delivers all spools. Returns the number of spools that still wait for the server or for a person. */
export async function recoverSpools(context: WorkContext, options: RecoveryOptions): Promise<number> {
  const folders = await listSpools(spoolFolder(context.env, context.machine.machine_id));
  let waiting = 0;
  // Each round begins with another folder, so that one slow delivery does not always delay the same jobs.
  const first = Math.floor(Math.random() * folders.length);
  for (const folder of [...folders.slice(first), ...folders.slice(0, first)]) {
    if (options.isBusy(folder)) continue;
    if (options.signal.aborted) waiting += 1;
    else if (await recoverOrTell(context, folder, options)) waiting += 1;
  }
  return waiting;
}

/** Reports a folder that cannot be read, so that it does not delay the other results. */
async function recoverOrTell(
  context: WorkContext,
  folder: string,
  options: RecoveryOptions,
): Promise<boolean> {
  try {
    return await recoverSpool(context, folder, options);
  } catch (error) {
    context.reporter.warn(
      `The spool ${folder} could not be processed, so its files stay on the disk: ${messageOf(error)}`,
    );
    return true;
  }
}

/** Returns true if a part of the spool still waits for the server. */
async function recoverSpool(
  context: WorkContext,
  folder: string,
  options: RecoveryOptions,
): Promise<boolean> {
  const { env, reporter, service } = context;
  const danger = dangerOfSpool(folder);
  if (danger !== undefined) {
    reporter.warn(
      `A spool was put aside because ${danger}. The runner used nothing in it and moved it to ${await moveAside(folder, env)}.`,
    );
    return false;
  }
  const journal = await readJournal(folder);
  if (journal === undefined) {
    // A running job delivered and removed the folder after the folders were listed.
    if (!existsSync(folder)) return false;
    reporter.warn(`A spool without a readable journal was put aside: ${await moveAside(folder, env)}`);
    return false;
  }
  const { claim } = journal;
  if (await isHeldByAnother(claim, context)) return false;
  const kept = await readResult(folder);
  if (kept === undefined && journal.progress.kind === 'entered' && claim.base_url !== service.baseUrl) {
    // The transcript of the session keeps the outcome. The runner must send nothing about the job to this server.
    reporter.info(`Job ${claim.job_id} waits for a runner that is signed in at ${claim.base_url}.`);
    return false;
  }
  const adoption = kept === undefined ? await options.adopt?.(context, { folder, journal }) : undefined;
  if (adoption === 'adopted') return false;
  if (adoption === 'later') {
    const why = 'its turn may still run in the program that has its session open';
    reporter.info(`Job ${claim.job_id} of an earlier run waits: ${why}.`);
    return true;
  }
  const lease = JobLease.left(context, { folder, record: claim });
  try {
    // Do this whichever account is signed in, because no other runner supervises the agent.
    const result = kept ?? (await lease.keep(await concludeLeftJob(context, { folder, journal })));
    if (claim.base_url !== service.baseUrl) {
      reporter.info(
        `Job ${claim.job_id} belongs to ${claim.base_url}; its result waits for a runner that is signed in there.`,
      );
      return false;
    }
    // One attempt is enough here: the next round tries again, and one spool must not delay the others.
    const delivery = await lease.deliver(result, { signal: options.signal, isOnce: true });
    reportDelivery(context, claim.job_id, delivery);
    const isOwed = delivery.kind === 'delivered' && delivery.isTranscriptOwed === true;
    if (!isOwed) await options.onRecovered({ held: lease.held, repoRoot: claim.repo_root, result, delivery });
    return isOwed || delivery.kind === 'pending';
  } finally {
    await lease.close();
  }
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
        `This machine no longer holds job ${jobId}, which an earlier run claimed: ${delivery.message}` +
          (delivery.keptAt === undefined ? '' : ` Its answer is kept in ${delivery.keptAt}.`),
      );
      return;
    case 'pending':
      reporter.warn(`Job ${jobId} of an earlier run still waits for the server: ${delivery.message}`);
      return;
  }
}
