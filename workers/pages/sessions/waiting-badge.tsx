/** Shows whether a session could take a prompt now, and what the policy of its machine says about it. */

import { VERDICT_WORDS, type VerdictOutcome, verdictSentence } from '../../../spec/job/policy-verdict.ts';
import type { WaitingCode } from '../../../spec/job/waiting.ts';
import type { SendableSession } from '../../jobs/sessions.ts';
import { Badge, type Tone } from '../parts/badge.tsx';

const WORDS: Partial<Record<WaitingCode, { tone: Tone; word: string }>> = {
  next_poll: { tone: 'good', word: 'ready' },
  session_busy: { tone: 'busy', word: 'busy' },
  session_held: { tone: 'warn', word: 'held' },
  machine_offline: { tone: 'calm', word: 'offline' },
  machine_draining: { tone: 'warn', word: 'draining' },
  machine_paused: { tone: 'warn', word: 'paused' },
  runner_too_old: { tone: 'warn', word: 'update needed' },
};

export function WaitingBadge({ code }: { code: WaitingCode }) {
  const { tone, word } = WORDS[code] ?? { tone: 'calm', word: 'waits' };
  return <Badge tone={tone}>{word}</Badge>;
}

const VERDICT_TONES: Readonly<Record<VerdictOutcome, Tone>> = { allow: 'good', ask: 'warn', deny: 'bad' };

/** The verdict as the machine last reported it. Older runners report none. */
export function PolicyBadge({ policy }: Pick<SendableSession, 'policy'>) {
  if (policy === undefined) return <span class="quiet">not reported</span>;
  return <Badge tone={VERDICT_TONES[policy.outcome]}>{VERDICT_WORDS[policy.outcome]}</Badge>;
}

export function policySentence({ policy, machineName }: SendableSession): string {
  return (
    verdictSentence(policy, machineName) ?? `${machineName} has not reported whether its policy allows it.`
  );
}
