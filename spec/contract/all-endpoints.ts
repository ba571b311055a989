/** The complete contract: every row. */

import * as admin from './admin.ts';
import * as agent from './agent.ts';
import * as auth from './auth.ts';
import type { Endpoint } from './endpoint.ts';
import * as events from './events.ts';
import * as ideas from './ideas.ts';
import * as jobs from './jobs.ts';
import * as machines from './machines.ts';
import * as people from './people.ts';
import * as runner from './runner.ts';

/** Every row, in the order of the documents. */
export const ROWS = [
  auth.deviceLogin,
  auth.deviceVerify,
  auth.startDevice,
  auth.takeDeviceToken,
  auth.getMe,
  auth.revokeToken,
  auth.listTokens,
  auth.createToken,
  auth.revokeTokenById,
  auth.changePassword,
  ideas.listIdeas,
  ideas.showIdea,
  ideas.addIdea,
  ideas.updateIdea,
  ideas.removeIdea,
  ideas.restoreIdea,
  ideas.listFeatures,
  ideas.addFeature,
  ideas.updateFeature,
  ideas.removeFeature,
  ideas.getWorld,
  ideas.putWorld,
  ideas.listCheckpoints,
  ideas.showCheckpoint,
  ideas.queueCheckpoint,
  jobs.enqueueJob,
  jobs.listJobs,
  jobs.showJob,
  jobs.readTranscript,
  jobs.cancelJob,
  jobs.retryJob,
  runner.syncMachine,
  runner.heartbeat,
  runner.pollJob,
  runner.claimJob,
  runner.startJob,
  runner.addMessage,
  runner.addLogs,
  runner.completeJob,
  runner.releaseJob,
  machines.showMachine,
  machines.drainMachine,
  machines.findIds,
  agent.pollAgent,
  agent.claimReview,
  agent.respondCheckpoint,
  events.streamEvents,
  events.socketEvents,
  events.followJob,
  admin.listMachines,
  admin.listAlerts,
  admin.showCharts,
  admin.listDevices,
  admin.revokeDevice,
  admin.startBulk,
  admin.listBulk,
  admin.showBulk,
  admin.advanceBulk,
  admin.abortBulk,
  people.makeInvitation,
  people.listInvitations,
  people.revokeInvitation,
  people.listAccounts,
  people.disableAccount,
  people.enableAccount,
  people.makePasswordLink,
] as const satisfies readonly Endpoint[];
