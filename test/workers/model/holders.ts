/** What a holder, or one who was it once, says of its lease. */

import fc from 'fast-check';
import { expect } from 'vitest';
import { addLogs, completeJob, heartbeat, releaseJob } from '../../../spec/contract/runner.ts';
import { accepts, send } from '../harness/call.ts';
import * as queue from './queue-model.ts';
import { hasLeases, newest, recent, step } from './step.ts';

export const beat = newest.map((position) =>
  step({
    label: `heartbeat(${position})`,
    may: hasLeases,
    async run(model, real) {
      const { machineId, leaseId, jobId } = recent(model.leases, position);
      const job = queue.holderOf(model, leaseId);
      const body = { machineId, machineName: 'workbench', jobId, leaseId };
      const { lease } = await accepts(heartbeat, { as: real.owner, body });
      const isLive = job !== undefined && queue.isHeld(job);
      expect(lease).toMatchObject({ valid: isLive, action: isLive ? 'continue' : 'stop' });
      if (!isLive) return;
      if (job.status === 'lost') job.status = 'running';
      queue.renewed(model, job);
    },
  }),
);

export const deliver = fc.record({ position: newest, success: fc.boolean() }).map(({ position, success }) =>
  step({
    label: `complete(${position}, ${success})`,
    may: hasLeases,
    async run(model, real) {
      const lease = recent(model.leases, position);
      const job = queue.holderOf(model, lease.leaseId);
      const content = `answer ${crypto.randomUUID()}`;
      const body = { machineId: lease.machineId, leaseId: lease.leaseId, success, content };
      const answer = await send(completeJob, { as: real.owner, params: { jobId: lease.jobId }, body });
      const end = success ? 'completed' : 'failed';
      const isFirst = job?.status === 'running' || job?.status === 'lost';
      expect(answer.status < 300, answer.text).toBe(isFirst || job?.status === end);
      if (!isFirst || job === undefined) return;
      job.status = end;
      job.content = content;
    },
  }),
);

export const say = newest.map((position) =>
  step({
    label: `log(${position})`,
    may: hasLeases,
    async run(model, real) {
      const lease = recent(model.leases, position);
      const job = queue.holderOf(model, lease.leaseId);
      // Every client starts before it speaks; what is said before a start belongs to no attempt.
      if (job?.status === 'dispatched') return;
      const chunk = {
        seq: lease.lines + 1,
        stream: 'stdout' as const,
        text: `${lease.leaseId} ${lease.lines + 1}`,
      };
      const body = { machineId: lease.machineId, leaseId: lease.leaseId, chunks: [chunk] };
      const answer = await send(addLogs, { as: real.owner, params: { jobId: lease.jobId }, body });
      const isTaken = job !== undefined && job.status !== 'cancelled';
      expect(answer.status < 300, answer.text).toBe(isTaken);
      if (!isTaken) return;
      lease.lines += 1;
      job.lines.push(chunk.text);
    },
  }),
);

export const giveBack = newest.map((position) =>
  step({
    label: `release(${position})`,
    may: hasLeases,
    async run(model, real) {
      const lease = recent(model.leases, position);
      const { machineId, leaseId, jobId } = lease;
      const job = queue.holderOf(model, leaseId);
      const body = { machineId, leaseId, reason: 'shutting_down' as const };
      const answer = await send(releaseJob, { as: real.owner, params: { jobId }, body });
      const isHeld = job !== undefined && queue.isHeld(job);
      expect(answer.status < 300, answer.text).toBe(isHeld || lease.isReleased);
      if (isHeld) queue.returned(model, job);
    },
  }),
);
