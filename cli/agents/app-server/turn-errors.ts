/** Interprets the errors of the app-server. Pure. */

import type { ConditionCode } from '../../../spec/job/condition.ts';
import type { FailureReading } from '../agent.ts';
import type { TurnError } from './messages.ts';

/** Words of the runner in place of `codexErrorInfo`. A turn of another client runs, and the prompt was not entered. */
export const OTHER_TURN = 'orpOtherTurn';
/** The agent server ended before it had written the prompt into the transcript. */
export const NOT_ENTERED = 'orpNotEntered';

/** `codexErrorInfo` → the condition that prevents the agent from working. */
const CONDITIONS: Readonly<Record<string, ConditionCode>> = {
  usageLimitExceeded: 'usage_limited',
  sessionBudgetExceeded: 'usage_limited',
  rateLimitExceeded: 'overloaded',
  serverOverloaded: 'overloaded',
  flexUnavailable: 'overloaded',
  policyCapacityUnavailable: 'overloaded',
  unauthorized: 'signed_out',
  [NOT_ENTERED]: 'agent_unavailable',
};

/** `codexErrorInfo` → the failure that a person must fix before a retry, or a session that is in use. */
const OF_THE_SESSION: Readonly<Record<string, 'context_full' | 'model_unavailable' | 'session_in_use'>> = {
  contextWindowExceeded: 'context_full',
  modelNotFound: 'model_unavailable',
  [OTHER_TURN]: 'session_in_use',
};

/** Errors that contain the HTTP status from the model's server. */
const STATUS_ERRORS = [
  'httpConnectionFailed',
  'responseStreamConnectionFailed',
  'responseStreamDisconnected',
  'responseTooManyFailedAttempts',
];
const OVERLOADED_STATUSES = [429, 502, 503, 504, 529];

/** Interprets the type of an error. Returns undefined if the type is not enough; then the text of the error decides. */
export function readTurnError({ codexErrorInfo: info }: TurnError): FailureReading | undefined {
  const kind = typeof info === 'string' ? OF_THE_SESSION[info] : undefined;
  if (kind !== undefined) return { kind };
  const code = typeof info === 'string' ? CONDITIONS[info] : conditionOfStatus(info);
  return code === undefined ? undefined : { kind: 'condition', code };
}

function conditionOfStatus(info: unknown): ConditionCode | undefined {
  if (typeof info !== 'object' || info === null) return undefined;
  for (const name of STATUS_ERRORS) {
    const about = (info as Record<string, { httpStatusCode?: unknown } | undefined>)[name];
    const status = about?.httpStatusCode;
    if (status === 401) return 'signed_out';
    if (status === 402) return 'usage_limited';
    if (typeof status === 'number' && OVERLOADED_STATUSES.includes(status)) return 'overloaded';
  }
  return undefined;
}

/** Interprets why a session could not be opened. All such errors have the code -32600; only their text differs. */
export function readOpenError(message: string): FailureReading | undefined {
  if (/already has an active writer/i.test(message)) return { kind: 'session_in_use' };
  if (/no rollout found|thread not found|no saved session/i.test(message)) return { kind: 'session_missing' };
  return undefined;
}

/** Returns whether `turn/start` was refused because of a running turn that takes no further prompt, such as a compaction. */
export function isOtherTurn(message: string): boolean {
  return /ActiveTurnNotSteerable/i.test(message);
}
