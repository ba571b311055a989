/** What the errors of the app-server mean. Pure. */

import type { ConditionCode } from '../../../spec/job/condition.ts';
import type { FailureReading } from '../agent.ts';
import type { TurnError } from './messages.ts';

/** `codexErrorInfo` → what keeps the agent from working. */
const CONDITIONS: Readonly<Record<string, ConditionCode>> = {
  usageLimitExceeded: 'usage_limited',
  sessionBudgetExceeded: 'usage_limited',
  rateLimitExceeded: 'overloaded',
  serverOverloaded: 'overloaded',
  flexUnavailable: 'overloaded',
  policyCapacityUnavailable: 'overloaded',
  unauthorized: 'signed_out',
};

/** `codexErrorInfo` → what a person must change before a retry. */
const OF_THE_SESSION: Readonly<Record<string, 'context_full' | 'model_unavailable'>> = {
  contextWindowExceeded: 'context_full',
  modelNotFound: 'model_unavailable',
};

/** Errors that carry the status of an answer of the model's server. */
const STATUS_ERRORS = [
  'httpConnectionFailed',
  'responseStreamConnectionFailed',
  'responseStreamDisconnected',
  'responseTooManyFailedAttempts',
];
const OVERLOADED_STATUSES = [429, 502, 503, 504, 529];

/** Undefined: the type says nothing, and the words of the error decide. */
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

/** Why a session could not be opened. All such errors have the code -32600; only the words differ. */
export function readOpenError(message: string): FailureReading | undefined {
  if (/already has an active writer/i.test(message)) return { kind: 'session_in_use' };
  if (/no rollout found|thread not found|no saved session/i.test(message)) return { kind: 'session_missing' };
  return undefined;
}
