/** Ids of another account in every field of every request: nothing of that account changes, and nothing of it is shown. */

import { afterAll, describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { pathOf } from '../harness/call.ts';
import { ask, mayChange, type Named, REQUESTS, SharedStage } from '../harness/requests.ts';
import { emptyDatabase, snapshot } from '../harness/snapshot.ts';

afterAll(emptyDatabase);

const rows: readonly Endpoint[] = ROWS;
const guarded = rows.filter((row) => row.auth === 'user');

/** The ids of a stage, in the same order for every stage. */
function idsOf(stage: Named): string[] {
  const { machine, dispatched, running } = stage;
  return [
    ...[
      stage.ideaId,
      stage.removedIdeaId,
      stage.featureId,
      stage.checkpointId,
      stage.tokenId,
      stage.workspaceId,
    ],
    ...[machine.machineId, machine.projectRoot, stage.queuedJobId, stage.endedJobId, stage.owner.userId],
    ...[dispatched.jobId, dispatched.leaseId, running.jobId, running.leaseId],
  ];
}

type Parts = ReturnType<(typeof REQUESTS)[string]>;

/** The request of the attacker, once for each id in it, with that id replaced by the id of the victim. */
function crossed(parts: Parts, own: readonly string[], foreign: readonly string[]): Parts[] {
  const text = JSON.stringify(parts);
  return own.flatMap((id, at) => {
    const other = foreign[at];
    if (other === undefined || !text.includes(JSON.stringify(id))) return [];
    return [JSON.parse(text.replaceAll(JSON.stringify(id), JSON.stringify(other))) as Parts];
  });
}

/** Requests whose schemas know more ids than the plain request of the row names. */
const MORE: Readonly<Record<string, (stage: Named) => Parts>> = {
  enqueueJob: ({ machine, ideaId }) => ({
    body: {
      prompt: 'Read the secrets.',
      ideaId,
      machineId: machine.machineId,
      projectRoot: machine.projectRoot,
      orpSessionId: 'orp-main',
    },
  }),
  queueCheckpoint: ({ ideaId, featureId }) => ({
    params: { ideaId },
    body: { contextSelection: { featureIds: [featureId] } },
  }),
  pollJob: ({ machine }) => ({
    query: { machineId: machine.machineId, projectRoot: machine.projectRoot, claimId: 'claim-of-a-test' },
  }),
  listJobs: ({ machine, ideaId }) => ({ query: { machineId: machine.machineId, ideaId } }),
  cancelJob: ({ queuedJobId, machine }) => ({
    params: { jobId: queuedJobId },
    body: { machineId: machine.machineId },
  }),
  retryJob: ({ endedJobId, machine }) => ({
    params: { jobId: endedJobId },
    body: { machineId: machine.machineId },
  }),
};

const requests = guarded.flatMap((row) =>
  [REQUESTS[row.name], MORE[row.name]].flatMap((make) =>
    make === undefined ? [] : [{ name: row.name, row, make }],
  ),
);

const attackers = new SharedStage();
const victims = new SharedStage();

describe('a request with ids of somebody else', () => {
  it.each(requests)('$name changes and shows nothing of theirs', async ({ row, make }) => {
    const [attacker, victim] = [await attackers.get(), await victims.get()];
    // An attacker may change what is the attacker's own.
    if (mayChange(row)) attackers.spend();
    const [own, foreign] = [idsOf(attacker), idsOf(victim)];
    const before = await snapshot(victim.owner);
    for (const { params, query, body } of crossed(make(attacker), own, foreign)) {
      const call = {
        method: row.method,
        path: pathOf(row, params, query),
        as: attacker.owner,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(row.answers === 'ws' ? { headers: { Upgrade: 'websocket' } } : {}),
      };
      const { text } = await ask(call);
      const sent = JSON.stringify(call);
      for (const id of [...foreign, victim.owner.email].filter((one) => !sent.includes(one)))
        expect(text, sent).not.toContain(id);
      expect(await snapshot(victim.owner), sent).toBe(before);
    }
  });
});
