/** The row of a job: its options, what it asks for, and its latest attempt. */

import type { FailureKind, JobKind, LeaseLossPolicy, SessionFallback } from '../../spec/job/kinds.ts';
import type { FallbackReason, JobTarget, SessionSource } from '../../spec/job/routing.ts';
import type { JobStatus } from '../../spec/job/status.ts';

/** Every column but the long texts; lists never read those. */
export interface JobRow {
  userId: string;
  id: string;
  kind: JobKind;
  status: JobStatus;
  createdAt: number;
  createdBy: string | null;
  updatedAt: number;
  finishedAt: number | null;
  priority: number;
  availableAt: number;
  expiresAt: number;
  onLeaseLoss: LeaseLossPolicy;
  maxAttempts: number;
  timeoutSeconds: number | null;
  sessionFallback: SessionFallback;
  ideaId: string | null;
  worldId: string | null;
  checkpointId: string | null;
  targetMachineId: string | null;
  targetProjectRoot: string | null;
  targetOrpSessionId: string | null;
  targetCodexSessionId: string | null;
  attempt: number;
  attemptsUsed: number;
  leaseCount: number;
  machineId: string | null;
  instance: string | null;
  claimId: string | null;
  leaseId: string | null;
  leaseExpiresAt: number | null;
  projectRoot: string | null;
  orpSessionId: string | null;
  codexSessionId: string | null;
  sessionSource: SessionSource | null;
  fallbackReason: FallbackReason | null;
  claimedAt: number | null;
  startedAt: number | null;
  failureKind: FailureKind | null;
  error: string | null;
  summary: string | null;
  cancelledBy: string | null;
  cancelReason: string | null;
  cancelConfirmedAt: number | null;
  stopReceipt: string | null;
}

/** Column of every field, in the order of the table. */
const FIELDS: readonly (keyof JobRow)[] = [
  'userId',
  'id',
  'kind',
  'status',
  'createdAt',
  'createdBy',
  'updatedAt',
  'finishedAt',
  'priority',
  'availableAt',
  'expiresAt',
  'onLeaseLoss',
  'maxAttempts',
  'timeoutSeconds',
  'sessionFallback',
  'ideaId',
  'worldId',
  'checkpointId',
  'targetMachineId',
  'targetProjectRoot',
  'targetOrpSessionId',
  'targetCodexSessionId',
  'attempt',
  'attemptsUsed',
  'leaseCount',
  'machineId',
  'instance',
  'claimId',
  'leaseId',
  'leaseExpiresAt',
  'projectRoot',
  'orpSessionId',
  'codexSessionId',
  'sessionSource',
  'fallbackReason',
  'claimedAt',
  'startedAt',
  'failureKind',
  'error',
  'summary',
  'cancelledBy',
  'cancelReason',
  'cancelConfirmedAt',
  'stopReceipt',
];

function columnOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The select list of a `JobRow`; `prefix` names the table where two are joined. */
export function jobColumns(prefix = ''): string {
  return FIELDS.map((field) => `${prefix}${columnOf(field)} AS ${field}`).join(', ');
}

/** The part of a row that says what the job asks for. */
export type TargetFields = Pick<
  JobRow,
  | 'ideaId'
  | 'worldId'
  | 'sessionFallback'
  | 'targetMachineId'
  | 'targetProjectRoot'
  | 'targetOrpSessionId'
  | 'targetCodexSessionId'
>;

/** What the job asks for, as the routing rules read it. */
export function targetOf(job: TargetFields): JobTarget {
  return {
    machineId: job.targetMachineId ?? undefined,
    ideaId: job.ideaId ?? undefined,
    worldId: job.worldId ?? undefined,
    projectRoot: job.targetProjectRoot ?? undefined,
    orpSessionId: job.targetOrpSessionId ?? undefined,
    codexSessionId: job.targetCodexSessionId ?? undefined,
    sessionFallback: job.sessionFallback,
  };
}
