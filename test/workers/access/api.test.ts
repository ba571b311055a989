/**
 * The table of access to the API: every row of the contract and every kind of caller. A row that the table does not name
 * fails a test, so nobody adds a route without a decision about who may use it.
 */

import { env } from 'cloudflare:workers';
import { afterAll, describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { createToken } from '../../../spec/contract/auth.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import type { ErrorCode } from '../../../spec/errors.ts';
import { accepts } from '../harness/call.ts';
import { currentTime } from '../harness/clock.ts';
import { aMachine } from '../harness/machines.ts';
import { aPerson, aToken, type Person, sha256Hex } from '../harness/people.ts';
import {
  ask,
  mayChange,
  type Named,
  otherMachine,
  requestFor,
  SharedStage,
  unknownIds,
} from '../harness/requests.ts';
import { emptyDatabase, snapshot } from '../harness/snapshot.ts';

afterAll(emptyDatabase);

const shared = new SharedStage();

/** What the server answers to each caller, besides the owner. */
interface Access {
  /** Somebody else's account, with the ids of the owner. */
  stranger: ErrorCode | 'own';
  /** The owner, with ids that nobody has. */
  unknown: ErrorCode | 'own';
  operator: ErrorCode | 'accepted' | 'own';
  /** The owner, with another machine of the account and the lease of the first. Absent if the request names no lease. */
  otherMachine?: ErrorCode;
  /** False for rows that the owner may not use. */
  owner: ErrorCode | 'accepted';
}

/** The request names nothing of another account. Everybody gets their own. */
const OWN: Access = { stranger: 'own', unknown: 'own', operator: 'own', owner: 'accepted' };
/** Foreign and unknown ids look alike, for operators, too. */
const HIDDEN: Access = {
  stranger: 'not_found',
  unknown: 'not_found',
  operator: 'not_found',
  owner: 'accepted',
};
/** Only the owner and operators find it. */
const SHARED: Access = { ...HIDDEN, operator: 'accepted' };
/** Only the machine that holds the lease may write. */
const LEASE: Access = { ...HIDDEN, otherMachine: 'foreign_machine' };
/** A machine belongs to the account that synced it first. */
const MACHINE: Access = {
  stranger: 'foreign_machine',
  unknown: 'not_found',
  operator: 'foreign_machine',
  owner: 'accepted',
};
/** The machine need not exist: a sync registers it, and a bare heartbeat writes nothing. */
const ANY_MACHINE: Access = { ...MACHINE, unknown: 'own' };
const OPERATORS: Access = {
  stranger: 'forbidden',
  unknown: 'forbidden',
  operator: 'accepted',
  owner: 'forbidden',
};

const ACCESS: Readonly<Record<string, Access>> = {
  getMe: OWN,
  revokeToken: OWN,
  listTokens: OWN,
  createToken: OWN,
  revokeTokenById: HIDDEN,
  // Others do not know the password of the owner, and have another one.
  changePassword: { ...OWN, stranger: 'invalid_credentials', operator: 'invalid_credentials' },
  listIdeas: OWN,
  showIdea: HIDDEN,
  addIdea: OWN,
  updateIdea: HIDDEN,
  removeIdea: HIDDEN,
  restoreIdea: HIDDEN,
  listFeatures: HIDDEN,
  addFeature: HIDDEN,
  updateFeature: HIDDEN,
  removeFeature: HIDDEN,
  getWorld: HIDDEN,
  putWorld: HIDDEN,
  listCheckpoints: HIDDEN,
  showCheckpoint: HIDDEN,
  listWorkspaces: OWN,
  addWorkspace: OWN,
  showWorkspace: HIDDEN,
  updateWorkspace: HIDDEN,
  listTabs: HIDDEN,
  listTimeline: HIDDEN,
  pushState: HIDDEN,
  addEvent: HIDDEN,
  queueCheckpoint: HIDDEN,
  enqueueJob: HIDDEN,
  listJobs: OWN,
  showJob: SHARED,
  readTranscript: SHARED,
  cancelJob: SHARED,
  retryJob: SHARED,
  syncMachine: ANY_MACHINE,
  heartbeat: ANY_MACHINE,
  pollJob: MACHINE,
  claimJob: MACHINE,
  startJob: LEASE,
  addMessage: LEASE,
  addLogs: LEASE,
  completeJob: LEASE,
  releaseJob: LEASE,
  showMachine: SHARED,
  drainMachine: SHARED,
  findIds: OWN,
  pollAgent: OWN,
  claimReview: OWN,
  // No worker holds the review of the stage.
  respondCheckpoint: { ...HIDDEN, owner: 'wrong_status' },
  streamEvents: MACHINE,
  socketEvents: MACHINE,
  followJob: SHARED,
  listMachines: OPERATORS,
  listAlerts: OPERATORS,
  showCharts: OPERATORS,
  listDevices: OPERATORS,
  revokeDevice: OPERATORS,
  startBulk: OPERATORS,
  listBulk: OPERATORS,
  showBulk: OPERATORS,
  advanceBulk: OPERATORS,
  abortBulk: OPERATORS,
  makeInvitation: OPERATORS,
  listInvitations: OPERATORS,
  revokeInvitation: OPERATORS,
  listAccounts: OPERATORS,
  listFullAccounts: OPERATORS,
  showLimits: OPERATORS,
  changeLimits: OPERATORS,
  disableAccount: OPERATORS,
  enableAccount: OPERATORS,
  makePasswordLink: OPERATORS,
  listAudit: OPERATORS,
};

const rows: readonly Endpoint[] = ROWS;
const guarded = rows.filter((row) => row.auth === 'user');
const table = guarded.map((row) => ({ row, name: row.name, access: ACCESS[row.name] }));

/** Every id of the owner that an answer to somebody else must not contain. */
function secretsOf(stage: Named): string[] {
  const { owner, machine, ideaId, featureId, checkpointId, workspaceId, running, queuedJobId } = stage;
  return [
    ...[owner.userId, owner.email, machine.machineId, machine.projectRoot, ideaId, featureId, checkpointId],
    ...[workspaceId, running.leaseId, running.jobId, queuedJobId],
  ];
}

async function revoked(owner: Person): Promise<Person> {
  const token = await aToken(owner.userId);
  await env.DB.prepare('UPDATE device_tokens SET revoked_at = ? WHERE hash = ?')
    .bind(currentTime(), await sha256Hex(token))
    .run();
  return { ...owner, token };
}

describe('the table of access', () => {
  it('names every row of the contract, and no other', () => {
    expect(Object.keys(ACCESS).sort()).toEqual(guarded.map(({ name }) => name).sort());
  });

  it.each(table)(
    '$name: nobody, a revoked token, a weak token, a stranger, unknown ids, another machine',
    async ({ row, access }) => {
      if (access === undefined) throw new Error(`the table of access has no line for ${row.name}`);
      const stage = await shared.get();
      const { owner } = stage;
      const stranger = await aPerson();
      const other = await aMachine({ owner });
      const former = await revoked(owner);
      const { token } = await accepts(createToken, { as: owner, body: { name: 'weak', scope: 'read' } });
      const before = await snapshot(owner);
      const transcript = await transcriptOf(stage);

      expect((await ask(requestFor(row, stage, undefined))).code).toBe('unauthenticated');
      expect((await ask(requestFor(row, stage, former))).code).toBe('unauthenticated');
      if (row.needs !== 'read') {
        const weak = await ask(requestFor(row, stage, { ...owner, token }));
        expect(weak.code).toBe('insufficient_scope');
      }
      const foreign = await ask(requestFor(row, stage, stranger));
      expect(foreign.code).toBe(access.stranger === 'own' ? 'accepted' : access.stranger);
      // An id that the stranger sent may stand in the answer; anything else of the owner may not.
      const sent = JSON.stringify(requestFor(row, stage, undefined));
      for (const secret of secretsOf(stage).filter((one) => !sent.includes(one)))
        expect(foreign.text).not.toContain(secret);
      if (access.otherMachine !== undefined) {
        const fromOther = await ask(requestFor(row, otherMachine(stage, other), owner));
        expect(fromOther.code).toBe(access.otherMachine);
      }
      if (access.unknown !== 'own') {
        const missing = unknownIds(stage);
        const unknown = await ask(requestFor(row, missing, owner));
        expect(unknown.code).toBe(access.unknown);
        if (access.unknown === access.stranger)
          expect(withoutIds(foreign.text, stage)).toBe(withoutIds(unknown.text, missing));
      }
      expect(await snapshot(owner)).toBe(before);
      expect(await transcriptOf(stage)).toBe(transcript);

      if (mayChange(row)) shared.spend();
      const last = await ask(requestFor(row, stage, owner));
      expect(last.code, last.text).toBe(access.owner);
    },
  );

  it.each(table)('$name: an operator', async ({ row, access }) => {
    if (access === undefined) throw new Error(`the table of access has no line for ${row.name}`);
    const stage = await shared.get();
    if (access.operator === 'accepted' && mayChange(row)) shared.spend();
    const before = await snapshot(stage.owner);
    const answer = await ask(requestFor(row, stage, await aPerson({ role: 'operator' })));
    expect(answer.code, answer.text).toBe(access.operator === 'own' ? 'accepted' : access.operator);
    if (access.operator !== 'accepted') expect(await snapshot(stage.owner)).toBe(before);
  });
});

async function transcriptOf({ running, owner }: Named): Promise<string> {
  const { jobId } = running;
  const path = `/api/cli/runner/jobs/${jobId}/transcript`;
  return (await ask({ method: 'GET', path, as: owner })).text;
}

/** The answer without the ids that the request named, which differ on purpose. */
function withoutIds(text: string, stage: Named): string {
  const ids = [...secretsOf(stage), ...secretsOf(unknownIds(stage)), stage.endedJobId, stage.tokenId];
  const named = [
    ...ids,
    stage.removedIdeaId,
    stage.workspaceId,
    unknownIds(stage).workspaceId,
    stage.dispatched.jobId,
  ].filter((id) => id !== '');
  const masked = named.reduce((left, id) => left.replaceAll(id, '…'), text);
  return masked.replace(/"requestId":"[^"]*"/, '');
}
