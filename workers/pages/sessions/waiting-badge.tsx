/** Shows in one word whether a session could take a prompt now. */

import type { WaitingCode } from '../../../spec/job/waiting.ts';
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
