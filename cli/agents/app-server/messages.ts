/**
 * The parts of the Codex app-server protocol that `orp` reads (Codex 0.171). Fields that are missing or have another type are
 * ignored.
 */

import * as z from 'zod';

const text = z.string().catch('');
const words = z.array(z.string()).catch([]);

export const item = z.looseObject({
  type: text,
  id: text,
  clientId: z.string().nullish().catch(undefined),
  text: z.string().optional().catch(undefined),
  /** The prompt of a `userMessage`. */
  content: z
    .array(z.looseObject({ text: z.string().optional().catch(undefined) }))
    .optional()
    .catch(undefined),
  /** `userShell`: a command that the person ran in the session. */
  source: z.string().optional().catch(undefined),
  summary: words.optional(),
  command: z.string().optional().catch(undefined),
  processId: z.string().nullish().catch(undefined),
  aggregatedOutput: z.string().nullish().catch(undefined),
  exitCode: z.number().nullish().catch(undefined),
  changes: z
    .array(z.looseObject({ path: text, kind: z.looseObject({ type: text }).catch({ type: '' }) }))
    .optional()
    .catch(undefined),
});
export type Item = z.infer<typeof item>;

/** `codexErrorInfo` is a word, or an object whose only key is the word. */
const turnError = z.looseObject({ message: text, codexErrorInfo: z.unknown().optional() });
export type TurnError = z.infer<typeof turnError>;

export const turn = z.looseObject({
  id: z.string(),
  // One turn with an unknown status must not hide the markers of the other turns, and must not be followed forever.
  status: z.enum(['completed', 'interrupted', 'failed', 'inProgress']).catch('failed'),
  items: z.array(item).catch([]),
  error: turnError.nullish().catch(undefined),
});
export type Turn = z.infer<typeof turn>;

export const turnsPage = z.looseObject({
  data: z.array(turn),
  nextCursor: z.string().nullish().catch(undefined),
});

export const resumed = z.looseObject({
  sandbox: z.looseObject({ type: z.string() }).optional().catch(undefined),
  activePermissionProfile: z.looseObject({ id: z.string() }).nullish().catch(undefined),
  thread: z.looseObject({ id: z.string(), status: z.looseObject({ type: text }).catch({ type: '' }) }),
});

export const startedTurn = z.looseObject({ turn: z.looseObject({ id: z.string() }) });

/** A usage limit of the account. */
const limit = z
  .looseObject({ usedPercent: z.number().catch(0), resetsAt: z.number().nullish().catch(undefined) })
  .nullish()
  .catch(undefined);

export const aboutTurn = z.looseObject({
  /** Absent if the notification concerns the account. */
  threadId: z.string().optional().catch(undefined),
  /** `resetsAt`: seconds since the epoch. */
  rateLimits: z.looseObject({ primary: limit, secondary: limit }).optional().catch(undefined),
  turnId: z.string().optional().catch(undefined),
  turn: turn.optional().catch(undefined),
  item: item.optional().catch(undefined),
  itemId: z.string().optional().catch(undefined),
  delta: z.string().optional().catch(undefined),
  diff: z.string().optional().catch(undefined),
  error: turnError.optional().catch(undefined),
  willRetry: z.boolean().optional().catch(undefined),
  plan: z
    .array(z.looseObject({ step: text, status: text }))
    .optional()
    .catch(undefined),
  tokenUsage: z
    .looseObject({
      last: z.looseObject({
        inputTokens: z.number().catch(0),
        cachedInputTokens: z.number().catch(0),
        outputTokens: z.number().catch(0),
      }),
    })
    .optional()
    .catch(undefined),
});
export type AboutTurn = z.infer<typeof aboutTurn>;
