/** What a person can do about a job that failed, as one sentence for each reason. */

import { type FailureKind, REMEDIES } from '../job/kinds.ts';

const STEPS: Record<FailureKind, string> = {
  agent_error: 'Read the end of its transcript, then retry the job.',
  session_missing:
    'Register the session again with orp link session register, and run orp runner sync there. Then retry the job.',
  usage_limited:
    'Wait until the limit resets, then retry the job. It had begun, so read its transcript first.',
  signed_out:
    'Sign the agent in on its machine, then retry the job. It had begun, so read its transcript first.',
  overloaded: 'Retry the job later. It had begun, so read its transcript first.',
  agent_unavailable:
    'Repair the agent: orp link doctor on its machine says what is wrong. Then retry the job.',
  context_full: REMEDIES.context_full ?? '',
  model_unavailable: REMEDIES.model_unavailable ?? '',
  agent_timeout:
    'Ask for less at once, or set a longer time limit. Read its transcript before you retry the job.',
  no_repository:
    'Link the repository with orp link project bind, and run orp runner sync there. Then retry the job.',
  no_session:
    'Register a session with orp link session register, and run orp runner sync there. Then retry the job.',
  unsupported_kind: 'Update orp on its machine and restart the runner. Then retry the job.',
  policy_denied:
    'Change the rule on its machine with orp runner policy, or send the job to another repository.',
  attempts_exhausted:
    'Find out why its machine lost the job: orp runner status there. Then retry the job; the prompt may run again.',
  expired: 'Retry the job if it should still run.',
};

/** The next step after a failure. A failure without a kind is one of the agent. */
export function failureNextStep(kind: FailureKind | null | undefined): string {
  return STEPS[kind ?? 'agent_error'];
}
