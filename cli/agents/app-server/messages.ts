/**
 * The parts of the Codex app-server protocol that `orp` reads (Codex 0.171). Fields that are missing or have another type are
 * ignored.
 */

import * as z from 'zod/mini';

const text = z.catch(z.string(), '');
const words = z.catch(z.array(z.string()), []);

export const item = z.looseObject({
  type: text,
  id: text,
  clientId: z.catch(z.nullish(z.string()), undefined),
  text: z.catch(z.optional(z.string()), undefined),
  /** The prompt of a `userMessage`. */
  content: z.catch(
    z.optional(z.array(z.looseObject({ text: z.catch(z.optional(z.string()), undefined) }))),
    undefined,
  ),
  /** `userShell`: a command that the person ran in the session. */
  source: z.catch(z.optional(z.string()), undefined),
  summary: z.optional(words),
  command: z.catch(z.optional(z.string()), undefined),
  processId: z.catch(z.nullish(z.string()), undefined),
  aggregatedOutput: z.catch(z.nullish(z.string()), undefined),
  exitCode: z.catch(z.nullish(z.number()), undefined),
  changes: z.catch(
    z.optional(
      z.array(z.looseObject({ path: text, kind: z.catch(z.looseObject({ type: text }), { type: '' }) })),
    ),
    undefined,
  ),
});
export type Item = z.infer<typeof item>;

/** `codexErrorInfo` is a word, or an object whose only key is the word. */
const turnError = z.looseObject({ message: text, codexErrorInfo: z.optional(z.unknown()) });
export type TurnError = z.infer<typeof turnError>;

export const turn = z.looseObject({
  id: z.string(),
  // One turn with an unknown status must not hide the markers of the other turns, and must not be followed forever.
  status: z.catch(z.enum(['completed', 'interrupted', 'failed', 'inProgress']), 'failed'),
  items: z.catch(z.array(item), []),
  error: z.catch(z.nullish(turnError), undefined),
});
export type Turn = z.infer<typeof turn>;

export const turnsPage = z.looseObject({
  data: z.array(turn),
  nextCursor: z.catch(z.nullish(z.string()), undefined),
});

export const resumed = z.looseObject({
  sandbox: z.catch(z.optional(z.looseObject({ type: z.string() })), undefined),
  activePermissionProfile: z.catch(z.nullish(z.looseObject({ id: z.string() })), undefined),
  thread: z.looseObject({ id: z.string(), status: z.catch(z.looseObject({ type: text }), { type: '' }) }),
});

export const startedTurn = z.looseObject({ turn: z.looseObject({ id: z.string() }) });

/** A usage limit of the account. */
const limit = z.catch(
  z.nullish(
    z.looseObject({
      usedPercent: z.catch(z.number(), 0),
      resetsAt: z.catch(z.nullish(z.number()), undefined),
    }),
  ),
  undefined,
);

export const aboutTurn = z.looseObject({
  /** Absent if the notification concerns the account. */
  threadId: z.catch(z.optional(z.string()), undefined),
  /** `resetsAt`: seconds since the epoch. */
  rateLimits: z.catch(z.optional(z.looseObject({ primary: limit, secondary: limit })), undefined),
  turnId: z.catch(z.optional(z.string()), undefined),
  turn: z.catch(z.optional(turn), undefined),
  item: z.catch(z.optional(item), undefined),
  itemId: z.catch(z.optional(z.string()), undefined),
  delta: z.catch(z.optional(z.string()), undefined),
  diff: z.catch(z.optional(z.string()), undefined),
  error: z.catch(z.optional(turnError), undefined),
  willRetry: z.catch(z.optional(z.boolean()), undefined),
  plan: z.catch(z.optional(z.array(z.looseObject({ step: text, status: text }))), undefined),
  tokenUsage: z.catch(
    z.optional(
      z.looseObject({
        last: z.looseObject({
          inputTokens: z.catch(z.number(), 0),
          cachedInputTokens: z.catch(z.number(), 0),
          outputTokens: z.catch(z.number(), 0),
        }),
      }),
    ),
    undefined,
  ),
});
export type AboutTurn = z.infer<typeof aboutTurn>;
