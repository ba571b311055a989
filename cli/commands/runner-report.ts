/** `orp runner heartbeat` and `orp runner sync`. Each sends one request and records it locally. */

import { heartbeat } from '../../spec/contract/runner.ts';
import { CliError } from '../base/exit.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { displayPath } from '../files/paths.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { isLinkable, type Repository, repoRunnerPath, runtimePath } from '../git/repository.ts';
import { isEverythingKnown } from '../hosted/gone-roots.ts';
import { syncDocument, syncLinked } from '../hosted/sync.ts';
import type { Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
import { copyMachineTo, loadMachine, requireEnabled, updateMachine } from '../records/machine.ts';
import { recordHeartbeat } from '../records/runtime.ts';
import { activeLease, readRuntime } from '../records/runtime-record.ts';
import { requireAuth } from '../records/sign-in-record.ts';
import {
  type Candidate,
  inspectRoots,
  type LinkedRepository,
  movedRepository,
  requireReadable,
} from '../records/sync-payload.ts';

/** Checks that the runner is enabled, then that the user is signed in. */
async function requireRunner(context: Context, repository: Repository) {
  const place = {
    env: context.env,
    now: context.now(),
    repository: isLinkable(repository) ? repository : undefined,
  };
  const machine = requireEnabled(await loadMachine(place));
  const { email } = requireAuth(context.env);
  return { machine, email, place };
}

/** Sends one heartbeat, with the running job. */
export async function sendHeartbeat(context: Context): Promise<void> {
  const repository = await context.repository();
  const { machine, email, place } = await requireRunner(context, repository);
  const work = liveWork(repository, machine, context.now());
  const client = await signedInClient(context);
  const response = await send(client, heartbeat, {
    body: { machineId: machine.machine_id, machineName: machine.machine_name, ...work },
  });

  const sentAt = formatTimestamp(place.now);
  const updated = await updateMachine(place, () => ({
    last_heartbeat_at_utc: sentAt,
    ...(email === '' ? {} : { linked_email: email }),
  }));
  if (isLinkable(repository)) {
    await copyMachineTo(repository, updated.record);
    if (work.jobId !== undefined && !isLeaseOver(response))
      await recordHeartbeat(repository, work, place.now);
  }
  const paths = pathsOf(repository);
  const document = {
    ok: true,
    machine: updated.record,
    machine_path: updated.path,
    repo_runner_path: paths.runner,
    repo_runtime_path: paths.runtime,
    heartbeat_at_utc: sentAt,
    job_id: work.jobId ?? '',
    lease_id: work.leaseId ?? '',
    response,
  };
  printResult(context, document, {
    lines: [
      ['ok', true],
      ['heartbeat_at_utc', sentAt],
      ['machine.id', updated.record.machine_id],
      ['machine.path', updated.path],
      ['repo.runner_path', paths.runner],
    ],
    page: () => said('done', `Reported to the server that ${updated.record.machine_name} is online.`),
  });
}

/** Returns the recorded job, unless it is stale. This command must not renew the lease of a crashed runner. */
function liveWork(
  repository: Repository,
  machine: Parameters<typeof activeLease>[1],
  now: number,
): { jobId?: string; leaseId?: string } {
  if (!isLinkable(repository)) return {};
  const { runtime } = readRuntime(repository);
  const lease = activeLease(runtime, machine, now);
  if (!lease.has_active_job || lease.stale) return {};
  const { job_id: jobId, lease_id: leaseId } = runtime.active_job;
  return {
    ...(jobId === undefined ? {} : { jobId }),
    ...(leaseId === undefined ? {} : { leaseId }),
  };
}

function isLeaseOver(response: JsonObject): boolean {
  return isObject(response.lease) && response.lease.valid === false;
}

function pathsOf(repository: Repository): { runner: string; runtime: string } {
  if (!isLinkable(repository)) return { runner: '', runtime: '' };
  return {
    runner: displayPath(repository.root, repoRunnerPath(repository)),
    runtime: displayPath(repository.root, runtimePath(repository)),
  };
}

/**
 * Sends this repository and the additional roots to the server. `isWhole` is true if this machine has linked no other
 * repositories.
 */
export async function sync(
  context: Context,
  further: { roots: readonly string[]; isWhole: boolean },
): Promise<void> {
  const repository = await context.repository();
  const { machine, email, place } = await requireRunner(context, repository);
  const candidates = await inspectRoots({
    roots: [context.repoRoot, ...further.roots],
    env: context.env,
    now: place.now,
    email,
  });
  requireReadable(candidates);
  const linked = requireLinked(candidates);
  const client = await signedInClient(context);
  const receipt = await syncLinked(client, {
    env: context.env,
    now: place.now,
    machine,
    linked,
    email,
    isWhole: further.isWhole && (await isEverythingKnown(candidates, context.env)),
    copyTo: isLinkable(repository) ? repository : linked[0]?.repository,
  });

  const { noteLinked } = await import('./link-bind.ts');
  const { readLinkedRoots, rememberRoot } = await import('../records/linked-roots.ts');
  const known = new Set(readLinkedRoots(context.env));
  const unknown = linked.map(({ repository: { root } }) => root).filter((root) => !known.has(root));
  for (const root of unknown) await noteLinked(context, () => rememberRoot(context.env, root));

  const document = syncDocument(receipt, candidates);
  printResult(context, document, {
    lines: [
      ['ok', true],
      ['linked_projects', document.linked_projects],
      ['sessions', document.sessions],
      ['routeable_sessions', document.routeable_sessions],
      ['included_project_roots', document.included_project_roots.length],
      ['skipped_project_roots', document.skipped_project_roots.length],
      ['machine.path', document.machine_path],
      ['repo.runner_path', document.repo_runner_path],
    ],
    page: () => syncPage(document),
  });
}

function syncPage(document: ReturnType<typeof syncDocument>): Rich {
  const { linked_projects: projects, sessions, routeable_sessions: routeable } = document;
  const repositories = `${projects} ${projects === 1 ? 'repository' : 'repositories'}`;
  return [
    said(
      'done',
      `Synced ${repositories} and ${sessions} ${sessions === 1 ? 'session' : 'sessions'}; ${routeable} can take jobs.`,
    ),
    document.skipped_project_roots.map(({ project_root, reason }) =>
      said('warning', `Skipped ${project_root} (${reason}).`),
    ),
  ];
}

/** Requires at least one git repository, and at least one linked project. */
function requireLinked(candidates: readonly Candidate[]): LinkedRepository[] {
  const linked = candidates.flatMap((candidate) => (candidate.kind === 'linked' ? [candidate.linked] : []));
  if (linked.length > 0) return linked;
  const reasons = new Set(
    candidates.map((candidate) => (candidate.kind === 'skipped' ? candidate.reason : '')),
  );
  const roots = candidates.map(({ root }) => root).join(', ');
  if ([...reasons].every((reason) => ['', 'missing', 'not_git_repo'].includes(reason))) {
    throw new CliError(`No git repository at ${roots}.`, {
      code: 'no_git_repository',
      hint: 'Change to the repository, or pass --repo-root or --linked-project-root.',
    });
  }
  for (const candidate of candidates) {
    const moved = movedRepository(candidate);
    if (moved !== undefined) throw moved;
  }
  const isForeign = reasons.has('linked_email_mismatch');
  throw new CliError(
    isForeign
      ? `Another account linked the repository at ${roots}.`
      : `No repository is linked to an idea (checked ${roots}).`,
    {
      code: isForeign ? 'linked_email_mismatch' : 'not_linked',
      hint: 'Run `orp link project bind --idea-id <idea-id>`.',
    },
  );
}
