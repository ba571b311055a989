/** `orp runner cancel|retry`: acts on the job of this machine, or on a given job. */

import type { Command } from 'commander';
import { cancelJob, retryJob } from '../../spec/contract/jobs.ts';
import { CliError } from '../base/exit.ts';
import { findOffer, send } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import type { JsonObject } from '../files/json-file.ts';
import { displayPath, resolvePath } from '../files/paths.ts';
import { isLinkable, type LinkableRepository, resolveRepo, runtimePath } from '../git/repository.ts';
import { withJob } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { loadMachine } from '../records/machine.ts';
import { findOrderTarget, type OrderTarget, type RecordedWork, recordFinish } from '../records/runtime.ts';
import { idleRuntime, readRuntime } from '../records/runtime-record.ts';
import { attemptOf } from './job-order.ts';
import { linkedRootOption, type Shell, withCommonOptions } from './shell.ts';

interface OrderOptions extends CommonOptions {
  leaseId?: string;
  reason?: string;
  linkedProjectRoot: string[];
}

type Verb = 'cancel' | 'retry';

const FINISHED = { cancel: 'cancelled', retry: 'retried' } as const;

export function registerRunnerOrder(group: Command, shell: Shell): void {
  register(group, shell, 'cancel');
  register(group, shell, 'retry');
}

const AFTER_HELP: Record<Verb, string> = {
  cancel: `
The agent stops on whichever machine runs it; \`orp job logs <job-id>\` shows how it ended.`,
  retry: `
The job goes back to the queue. Any machine that can take it may run it.`,
};

function register(group: Command, shell: Shell, verb: Verb): void {
  const meaning =
    verb === 'cancel'
      ? "cancel a job (default: this machine's running job)"
      : "run a job again (default: this machine's running or last job)";
  withCommonOptions(
    group
      .command(verb)
      .description(meaning)
      .argument('[job-id]')
      .option('--lease-id <id>', 'lease of the attempt')
      .option('--reason <text>', 'reason, shown with the job')
      .addOption(linkedRootOption('another repository to search for the job'))
      .addHelpText('after', AFTER_HELP[verb]),
  ).action((id: string | undefined, options: OrderOptions) =>
    shell.run(options, (context) => order(context, { verb, jobId: id?.trim() || undefined, options })),
  );
}

interface Ordered {
  verb: Verb;
  jobId: string | undefined;
  options: OrderOptions;
}

async function order(context: Context, { verb, jobId, options }: Ordered): Promise<void> {
  if (jobId === undefined) return orderJob(context, { verb, jobId, options });
  await withJob(await signedInClient(context), jobId, (id) =>
    orderJob(context, { verb, jobId: id, options }),
  );
}

async function orderJob(context: Context, { verb, jobId, options }: Ordered): Promise<void> {
  const repositories = await findRepositories(context, options.linkedProjectRoot);
  const request = { jobId, leaseId: options.leaseId?.trim() || undefined, mayBeLast: verb === 'retry' };
  const target = findOrderTarget(request, repositories.map(recordedWork));
  if (target === undefined) throw nothingToOrder(verb, request.leaseId);

  const client = await signedInClient(context);
  const { record: machine } = await loadMachine({
    env: context.env,
    now: context.now(),
    repository: repositories[0],
  });
  const { jobId: id } = target;
  const body = {
    machineId: machine.machine_id,
    leaseId: target.leaseId ?? null,
    reason: options.reason?.trim() || null,
  };
  const response =
    verb === 'cancel'
      ? await send(client, cancelJob, { params: { jobId: id }, body })
      : await send(client, retryJob, {
          params: { jobId: id },
          body: { ...body, ...(await attemptToReplace(client, id)) },
        });
  const repository = repositories.find((one) => one.root === target.root);
  if (repository !== undefined) await finishLocally(context, repository, { target, verb });
  const warning = readString(response, 'warning');
  if (warning !== undefined) context.warn(warning);
  printOrder(context, { verb, target, response, repository });
}

/** Returns the attempt to replace. v0.4.4 servers have no attempt numbers, so requests to them are not repeated. */
async function attemptToReplace(client: Client, jobId: string): Promise<{ expectedAttempt?: number }> {
  return (await findOffer(client, 'jobs')) ? { expectedAttempt: await attemptOf(client, jobId) } : {};
}

async function findRepositories(context: Context, roots: readonly string[]): Promise<LinkableRepository[]> {
  const all = [context.repoRoot, ...roots.map((root) => resolvePath(context.cwd, root))];
  // Throws when git environment variables name a repository other than the current directory.
  await context.repository();
  const found = await Promise.all([...new Set(all)].map((root) => resolveRepo(root, context.env)));
  return found.filter(isLinkable);
}

function recordedWork(repository: LinkableRepository): RecordedWork {
  const { runtime } = readRuntime(repository);
  return { root: repository.root, activeJob: runtime.active_job, lastJob: runtime.last_job };
}

/** Closes the local record. The server tells the working runner about the order, and the runner stops the agent. */
async function finishLocally(
  context: Context,
  repository: LinkableRepository,
  { target, verb }: { target: OrderTarget; verb: Verb },
): Promise<void> {
  const { jobId, leaseId } = target;
  await recordFinish(repository, { jobId, leaseId, status: FINISHED[verb] }, context.now());
}

function nothingToOrder(verb: Verb, leaseId: string | undefined): CliError {
  const about = leaseId === undefined ? '' : ` with lease ${leaseId}`;
  return new CliError(`This machine has no record of a matching job${about}.`, {
    code: 'no_recorded_job',
    hint: `Run \`orp runner ${verb} <job-id>\`; \`orp job list\` shows the jobs.`,
  });
}

const VERBS: Record<Verb, (jobId: string) => string> = {
  cancel: (jobId) => `Cancelled job ${jobId}. Its agent is stopping.`,
  retry: (jobId) => `Queued job ${jobId} again.`,
};

interface OrderResult {
  verb: Verb;
  target: OrderTarget;
  response: JsonObject;
  repository: LinkableRepository | undefined;
}

function printOrder(context: Context, { verb, target, response, repository }: OrderResult): void {
  const path = repository === undefined ? '' : displayPath(context.repoRoot, runtimePath(repository));
  const document = {
    ok: true,
    job_id: target.jobId,
    lease_id: target.leaseId ?? '',
    repo_root: repository?.root ?? '',
    target_source: target.source,
    response,
    runtime: repository === undefined ? idleRuntime() : readRuntime(repository).runtime,
    runtime_path: path,
  };
  const lines: Line[] = [
    ['ok', true],
    ['job.id', target.jobId],
    ['lease.id', target.leaseId],
    ['repo.root', document.repo_root],
    ['runtime.path', path],
  ];
  printResult(context, document, { lines: lines, page: () => said('done', VERBS[verb](target.jobId)) });
}
