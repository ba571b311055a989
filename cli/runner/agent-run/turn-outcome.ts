/** Determines the result of a prompt that was entered before, from the transcript of the session. Pure. */

import type { FailureKind } from '../../../spec/job/kinds.ts';
import type { EnteredTurn } from '../../agents/agent.ts';
import { completedResult, failedResult } from '../job/result.ts';
import type { ResultRecord } from '../spool/records.ts';

/** The result if the job comes again under another lease. The prompt does not run again. */
export function resolveEntered(turn: EnteredTurn, jobKind: string): ResultRecord {
  const result = resolveLeft(turn, jobKind);
  if (result.outcome === 'completed') return result;
  const hint = 'Retry the job to enter the prompt again.';
  return { ...result, error: `The prompt was entered before. ${result.error} ${hint}` };
}

/** The result of a turn that has ended. An undefined turn means that the prompt was never entered. */
export function resolveLeft(turn: EnteredTurn | undefined, jobKind: string): ResultRecord {
  if (turn === undefined) {
    const message = 'The runner stopped before it entered the prompt; nothing ran.';
    return {
      ...failedResult('agent_error', message, new Date()),
      release: { reason: 'shutting_down', message },
    };
  }
  const { status, answer, error } = turn;
  if (status === 'completed' && answer !== undefined) return completedResult(answer, jobKind);
  const failed = failedResult(kindOf(turn), error ?? WHY[status], new Date());
  return answer === undefined ? failed : { ...failed, content: answer };
}

function kindOf({ reading }: EnteredTurn): FailureKind {
  if (reading === undefined || reading.kind === 'session_in_use') return 'agent_error';
  return reading.kind === 'condition' ? reading.code : reading.kind;
}

const WHY: Readonly<Record<EnteredTurn['status'], string>> = {
  running: 'The turn still runs.',
  completed: 'The agent ended without an answer.',
  failed: 'The agent reported a failure without a reason.',
  interrupted:
    'The runner and the agent server ended in the middle of the turn. The transcript of the session shows the turn as interrupted.',
};
