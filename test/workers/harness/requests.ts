/** One valid request for every row of the contract, on an account that has everything that a request can name. */

import { env, exports } from 'cloudflare:workers';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { addFeature, removeIdea } from '../../../spec/contract/ideas.ts';
import { makeInvitation } from '../../../spec/contract/people.ts';
import { addWorkspace } from '../../../spec/contract/workspaces.ts';
import { tokenMark } from '../../../workers/base/notify.ts';
import { accepts, pathOf, type RawCall } from './call.ts';
import { currentTime } from './clock.ts';
import {
  aMachine,
  anIdea,
  aPrompt,
  aReview,
  claim,
  claimAndStart,
  complete,
  type Held,
  type Machine,
  start,
  sync,
  syncBody,
} from './machines.ts';
import { hashOf } from './passwords.ts';
import { aPerson, aToken, type Person, sha256Hex } from './people.ts';

export const PASSWORD = 'open sesame 42';

/** One hash for all accounts: scrypt takes half a second. */
let hash: string | undefined;

/** Ids that a request names. Every other field is fixed. */
export interface Named {
  owner: Person;
  ideaId: string;
  removedIdeaId: string;
  featureId: string;
  checkpointId: string;
  workspaceId: string;
  machine: Machine;
  /** A job that is queued for the machine. */
  queuedJobId: string;
  /** A claimed job that has not begun. */
  dispatched: Held;
  running: Held;
  endedJobId: string;
  tokenId: string;
  accountId: string;
  invitationId: string;
  runName: string;
}

/** An account with everything, and a small one of somebody else for the orders of operators. */
export async function aStage(): Promise<Named> {
  hash ??= hashOf(PASSWORD);
  const owner = await aPerson({ passwordHash: hash });
  const machine = await aMachine({ owner });
  await sync(machine, [
    { orpSessionId: 'orp-main', codexSessionId: `codex-${machine.machineId}` },
    { orpSessionId: 'orp-second', codexSessionId: `second-${machine.machineId}` },
    { orpSessionId: 'orp-third', codexSessionId: `third-${machine.machineId}` },
  ]);
  const inSession = (orpSessionId: string) => ({
    machineId: machine.machineId,
    projectRoot: machine.projectRoot,
    orpSessionId,
  });
  const endedJobId = await aPrompt(machine, inSession('orp-main'));
  await complete(await claimAndStart(machine));
  await aPrompt(machine, inSession('orp-main'));
  const running = await claim(machine);
  await start(running);
  await aPrompt(machine, inSession('orp-second'));
  const dispatched = await claim(machine);
  const { checkpointId } = await aReview(machine);
  const { id: workspaceId } = await accepts(addWorkspace, { as: owner, body: { title: 'tides' } });
  const queuedJobId = await aPrompt(machine, inSession('orp-main'));
  const feature = await accepts(addFeature, {
    as: owner,
    params: { ideaId: machine.ideaId },
    body: { title: 'Grid' },
  });
  const removedIdeaId = await anIdea(owner, 'Removed');
  await accepts(removeIdea, { as: owner, params: { ideaId: removedIdeaId } });
  const operator = await aPerson({ role: 'operator' });
  // The server bounds the open invitations of all tests together.
  await env.DB.prepare("DELETE FROM one_time_links WHERE purpose = 'invitation'").run();
  const invitation = await accepts(makeInvitation, { as: operator, body: {} });
  const { userId: accountId } = await aPerson();
  const runName = await aBulkRun(operator);
  return {
    owner,
    machine,
    ideaId: machine.ideaId,
    removedIdeaId,
    featureId: feature.id,
    checkpointId,
    workspaceId,
    queuedJobId,
    dispatched,
    running,
    endedJobId,
    tokenId: tokenMark(await sha256Hex(await aToken(owner.userId))),
    accountId,
    invitationId: invitation.id,
    runName,
  };
}

/** A stage for several tests, because a stage takes 20 requests. A test that may change it gives it back as spent. */
export class SharedStage {
  #stage: Named | undefined;

  async get(): Promise<Named> {
    this.#stage ??= await aStage();
    return this.#stage;
  }

  /** The next test gets a new stage. */
  spend(): void {
    this.#stage = undefined;
  }
}

/** Returns whether an accepted request of this row may change something, at once or when its stream closes. */
export function mayChange({ method, answers }: Endpoint): boolean {
  return method !== 'GET' || answers !== 'json';
}

async function aBulkRun({ userId }: Person): Promise<string> {
  const name = `run-${crypto.randomUUID().slice(0, 8)}`;
  await env.DB.prepare(
    `INSERT INTO bulk_runs (name, action, filter, seen_count, created_by, source, created_at, updated_at)
     VALUES (?, 'cancel', '{"status":"queued","machineId":"nobody"}', 0, ?, 'test', ?, ?)`,
  )
    .bind(name, userId, currentTime(), currentTime())
    .run();
  return name;
}

interface Parts {
  params?: Record<string, string>;
  query?: object;
  body?: object;
}

const leaseOf = ({ machine, leaseId }: Held) => ({ machineId: machine.machineId, leaseId });
const held = (rest: object) => (stage: Named) => ({
  params: { jobId: stage.running.jobId },
  body: { ...leaseOf(stage.running), ...rest },
});
const ofIdea = (stage: Named) => ({ params: { ideaId: stage.ideaId } });
const ofFeature = (stage: Named) => ({ params: { featureId: stage.featureId } });
const ofWorkspace = (stage: Named) => ({ params: { workspaceId: stage.workspaceId } });
const ofAccount = (stage: Named) => ({ params: { accountId: stage.accountId }, body: {} });
const ofRun = (stage: Named) => ({ params: { name: stage.runName } });
const nothing = () => ({});

/** The request of every row that needs a token, by the name of the row. A test checks that no row is missing. */
export const REQUESTS: Readonly<Record<string, (stage: Named) => Parts>> = {
  getMe: nothing,
  revokeToken: nothing,
  listTokens: nothing,
  createToken: () => ({ body: { name: 'ci', scope: 'read' } }),
  revokeTokenById: ({ tokenId }) => ({ params: { tokenId } }),
  changePassword: () => ({ body: { current: PASSWORD, next: 'another sesame 42' } }),
  listIdeas: nothing,
  showIdea: ofIdea,
  addIdea: () => ({ body: { title: 'Tides' } }),
  updateIdea: (stage) => ({ ...ofIdea(stage), body: { title: 'Changed' } }),
  removeIdea: ofIdea,
  restoreIdea: ({ removedIdeaId }) => ({ params: { ideaId: removedIdeaId }, body: {} }),
  listFeatures: ofIdea,
  addFeature: (stage) => ({ ...ofIdea(stage), body: { title: 'Changed' } }),
  updateFeature: (stage) => ({ ...ofFeature(stage), body: { title: 'Changed' } }),
  removeFeature: ofFeature,
  getWorld: ofIdea,
  putWorld: (stage) => ({ ...ofIdea(stage), body: { name: 'Changed' } }),
  listCheckpoints: ofIdea,
  showCheckpoint: ({ checkpointId }) => ({ params: { checkpointId } }),
  listWorkspaces: nothing,
  addWorkspace: () => ({ body: { title: 'changed' } }),
  showWorkspace: ofWorkspace,
  updateWorkspace: (stage) => ({ ...ofWorkspace(stage), body: { title: 'changed' } }),
  listTabs: ofWorkspace,
  listTimeline: ofWorkspace,
  pushState: (stage) => ({ ...ofWorkspace(stage), body: { tabs: [] } }),
  addEvent: (stage) => ({ ...ofWorkspace(stage), body: { type: 'tab.added' } }),
  queueCheckpoint: (stage) => ({ ...ofIdea(stage), body: { contextSelection: {} } }),
  enqueueJob: ({ ideaId }) => ({ body: { prompt: 'Changed.', ideaId } }),
  listJobs: nothing,
  showJob: ({ running }) => ({ params: { jobId: running.jobId } }),
  readTranscript: ({ running }) => ({ params: { jobId: running.jobId } }),
  cancelJob: ({ queuedJobId }) => ({ params: { jobId: queuedJobId }, body: {} }),
  retryJob: ({ endedJobId }) => ({ params: { jobId: endedJobId }, body: {} }),
  syncMachine: ({ machine }) => ({
    body: syncBody(machine, [{ orpSessionId: 'changed', codexSessionId: 'c' }]),
  }),
  heartbeat: ({ running }) => ({
    body: { ...leaseOf(running), machineName: 'changed', jobId: running.jobId },
  }),
  pollJob: ({ machine }) => ({ query: { machineId: machine.machineId } }),
  claimJob: ({ machine }) => ({ body: { machineId: machine.machineId, claimId: 'claim-of-a-test' } }),
  startJob: ({ dispatched }) => ({ params: { jobId: dispatched.jobId }, body: leaseOf(dispatched) }),
  addMessage: held({ sender: 'agent', content: 'changed' }),
  addLogs: held({ lines: [{ level: 'info', line: 'changed' }] }),
  completeJob: held({ success: true, summary: 'changed', content: 'changed' }),
  releaseJob: ({ dispatched }) => ({
    params: { jobId: dispatched.jobId },
    body: { ...leaseOf(dispatched), reason: 'shutting_down' },
  }),
  showMachine: ({ machine }) => ({ params: { machineId: machine.machineId } }),
  drainMachine: ({ machine }) => ({ params: { machineId: machine.machineId }, body: { draining: true } }),
  findIds: ({ running }) => ({ query: { kind: 'job', prefix: running.jobId } }),
  pollAgent: nothing,
  claimReview: () => ({ body: { agent: 'codex', claimId: 'claim-of-a-test' } }),
  respondCheckpoint: ({ checkpointId }) => ({
    params: { checkpointId },
    body: { summary: 's', body: 'b', worker: { exitCode: 0, ok: true } },
  }),
  streamEvents: ({ machine }) => ({ query: { machineId: machine.machineId } }),
  socketEvents: ({ machine }) => ({ query: { machineId: machine.machineId, instance: 'i' } }),
  followJob: ({ running }) => ({ params: { jobId: running.jobId } }),
  listMachines: nothing,
  listAlerts: nothing,
  showCharts: nothing,
  listDevices: (stage) => ({ params: { accountId: stage.owner.userId } }),
  revokeDevice: ({ owner, tokenId }) => ({
    params: { accountId: owner.userId, deviceId: tokenId },
    body: {},
  }),
  startBulk: () => ({
    body: { action: 'cancel', filter: { status: 'queued', machineId: 'x' }, dryRun: true },
  }),
  listBulk: nothing,
  showBulk: ofRun,
  advanceBulk: ofRun,
  abortBulk: ofRun,
  makeInvitation: () => ({ body: {} }),
  listInvitations: nothing,
  revokeInvitation: ({ invitationId }) => ({ params: { invitationId } }),
  listAccounts: nothing,
  listFullAccounts: nothing,
  showLimits: ({ accountId }) => ({ params: { accountId } }),
  changeLimits: ({ accountId }) => ({ params: { accountId }, body: { limits: { ideas: 100 } } }),
  disableAccount: ofAccount,
  enableAccount: ofAccount,
  makePasswordLink: ofAccount,
  listAudit: nothing,
};

/** The request of a row as this person sends it. */
export function requestFor(row: Endpoint, stage: Named, as: Person | undefined): RawCall {
  const { params, query, body } = REQUESTS[row.name]?.(stage) ?? {};
  return {
    method: row.method,
    path: pathOf(row, params, query),
    as,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(row.answers === 'ws' ? { headers: { Upgrade: 'websocket' } } : {}),
  };
}

/** The same stage with ids that nobody has. */
export function unknownIds(stage: Named): Named {
  const machine = { ...stage.machine, machineId: crypto.randomUUID() };
  return {
    ...stage,
    machine,
    ideaId: 'idea_unknown',
    removedIdeaId: 'idea_unknown',
    featureId: 'feat_unknown',
    checkpointId: 'chk_unknown',
    workspaceId: 'wsp_unknown',
    queuedJobId: 'job_unknown',
    endedJobId: 'job_unknown',
    dispatched: { ...stage.dispatched, jobId: 'job_unknown' },
    running: { ...stage.running, jobId: 'job_unknown' },
    tokenId: '0123456789abcdef',
    accountId: 'usr_unknown',
    invitationId: '0123456789abcdef',
    runName: 'run-unknown',
  };
}

/** The same stage, whose leases another machine of the same account names. */
export function otherMachine(stage: Named, machine: Machine): Named {
  const as = (one: Held) => ({ ...one, machine });
  return { ...stage, dispatched: as(stage.dispatched), running: as(stage.running) };
}

export interface Answered {
  /** The code of a refusal; `accepted` for everything else. */
  code: string;
  text: string;
}

/** Sends a request and lets go of what it opens. */
export async function ask(call: RawCall): Promise<Answered> {
  const response = await exports.default.fetch(`https://orp.test${call.path}`, {
    method: call.method,
    headers: {
      ...(call.as === undefined ? {} : { Authorization: `Bearer ${call.as.token}` }),
      ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: call.body }),
  });
  response.webSocket?.accept();
  response.webSocket?.close();
  if (response.ok && response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return { code: 'accepted', text: '' };
  }
  const text = await response.text();
  if (response.status < 400) return { code: 'accepted', text };
  return { code: String((JSON.parse(text) as { code: unknown }).code), text };
}
