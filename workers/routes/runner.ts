/** The routes of a runner: sync, heartbeat, poll, start, messages, logs, complete. */

import type { Hono } from 'hono';
import type { BodyOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import * as rows from '../../spec/contract/runner.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import { iso } from '../base/iso.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { sendHeartbeat } from '../leases/heartbeat.ts';
import { completeJob, startJob } from '../leases/lease-moves.ts';
import { pollForJob } from '../leases/poll.ts';
import { releaseJob } from '../leases/release.ts';
import { appendUpload, entriesOfLogs, entriesOfMessage } from '../leases/uploads.ts';
import { type SyncedMachine, syncMachine } from '../machines/sync.ts';

export function mountRunner(app: Hono<AppEnv>): void {
  mount(app, rows.syncMachine, async ({ body, auth, deps }) => {
    const synced = await syncMachine(deps, auth.id, syncedMachineOf(body));
    if (!synced.ok) return synced;
    // New sessions may be able to take jobs that already wait.
    if (synced.value.changed)
      await deps.machines.tell({ userId: auth.id, machineId: body.machineId }, async (stub) => stub.wake());
    return accept({
      ok: true,
      syncedProjects: body.linkedProjects.length,
      syncedSessions: body.sessions.length,
    });
  });

  mount(app, rows.heartbeat, async ({ body, auth, deps }) => {
    const beat = await sendHeartbeat(deps, auth, body);
    return beat.ok ? accept({ ok: true, ...beat.value }) : beat;
  });

  mount(app, rows.pollJob, async ({ query, auth, deps }) => {
    const polled = await pollForJob(deps, auth, {
      ...query,
      projectRoots: query.projectRoot,
    });
    if (!polled.ok) return polled;
    // The answer to a v0.4.4 client has no further field.
    const { drain: _, ...reply } = polled.value;
    return accept({ ok: true, ...reply } satisfies ReplyInput<typeof rows.pollJob>);
  });

  mount(app, rows.claimJob, async ({ body, auth, deps }) => {
    const polled = await pollForJob(deps, auth, body);
    return polled.ok ? accept({ ok: true, ...polled.value }) : polled;
  });

  mountHolder(app);
}

/** The routes of the holder of a lease. */
function mountHolder(app: Hono<AppEnv>): void {
  mount(app, rows.startJob, async ({ params, body, auth, deps }) => {
    const started = await startJob(deps, auth, {
      jobId: params.jobId,
      holder: { ...body, leaseId: body.leaseId },
    });
    if (!started.ok) return started;
    const { id, status, leaseExpiresAt } = started.value;
    return accept({ ok: true, job: { id, status }, leaseExpiresAt: iso(leaseExpiresAt) });
  });

  mount(app, rows.addMessage, async ({ params, body, auth, deps }) => {
    const { machineId, leaseId } = body;
    const entries = entriesOfMessage(body, deps.now);
    const added = await appendUpload(deps, auth, { jobId: params.jobId, machineId, leaseId, entries });
    return added.ok ? accept({ ok: true, received: added.value.received }) : added;
  });

  mount(app, rows.addLogs, async ({ params, body, auth, deps }) => {
    const { machineId, leaseId } = body;
    if (body.lines === undefined && body.chunks === undefined) {
      return refuse(
        'invalid_input',
        'lines or chunks: one of these fields is required.',
        'Send numbered chunks.',
      );
    }
    const entries = entriesOfLogs(body, deps.now);
    const added = await appendUpload(deps, auth, { jobId: params.jobId, machineId, leaseId, entries });
    if (!added.ok) return added;
    const accepted = (body.lines?.length ?? 0) + (body.chunks?.length ?? 0);
    return accept({ ok: true, accepted, received: added.value.received });
  });

  mount(app, rows.completeJob, async ({ params, body, auth, deps, context }) => {
    const { machineId, leaseId, ...result } = body;
    const finished = await completeJob(deps, auth, {
      ...result,
      failureKind: result.failureKind,
      source: sourceOf(context),
      jobId: params.jobId,
      holder: { machineId, leaseId },
    });
    if (!finished.ok) return finished;
    return accept({ ok: true, job: { id: finished.value.id, status: finished.value.status } });
  });

  mount(app, rows.releaseJob, async ({ params, body, auth, deps }) => {
    const { machineId, leaseId, reason, message, retryAfterMs } = body;
    const released = await releaseJob(deps, auth, {
      jobId: params.jobId,
      holder: { machineId, leaseId },
      reason,
      message: message ?? undefined,
      retryAfterMs: retryAfterMs ?? undefined,
    });
    if (!released.ok) return released;
    const { id, status, availableAt } = released.value;
    const isWaiting = status === 'queued' && availableAt > deps.now;
    return accept({ ok: true, job: { id, status }, retryAt: isWaiting ? iso(availableAt) : undefined });
  });
}

/** Reads the sync body of every client version. Null and blank values count as absent. */
function syncedMachineOf(body: BodyOf<typeof rows.syncMachine>): SyncedMachine {
  return {
    machineId: body.machineId,
    machineName: body.machineName,
    platform: body.platform,
    appVersion: body.appVersion,
    complete: body.complete ?? false,
    completeRoots: new Set(body.completeRoots),
    projects: body.linkedProjects.map((project) => ({
      projectRoot: project.projectRoot,
      ideaId: project.ideaId,
      ideaTitle: project.ideaTitle || null,
      worldId: project.worldId || null,
      worldName: project.worldName || null,
      projectName: project.projectName || null,
      githubUrl: project.githubUrl || null,
    })),
    sessions: body.sessions.map((session) => ({
      projectRoot: session.projectRoot,
      ideaId: session.ideaId || undefined,
      orpSessionId: session.orpSessionId,
      codexSessionId: session.codexSessionId || undefined,
      agent: session.agent === DEFAULT_AGENT ? undefined : session.agent,
      label: session.label,
      state: session.state,
      primary: session.primary,
      lastActiveAt: session.lastActiveAt ? Date.parse(session.lastActiveAt) : undefined,
      policy: session.policy,
    })),
  };
}
