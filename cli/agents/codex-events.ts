/**
 * Reads the JSON Lines of `codex exec --json`. Unknown lines become plain output, so that output of newer versions is not lost.
 */

import * as z from 'zod/mini';
import type { AgentEvent, AgentReader, LogLevel } from './agent.ts';
import { CodexTurn } from './codex-turn.ts';

const text = z.catch(z.string(), '');
const tokens = z.catch(z.int().check(z.nonnegative()), 0);

const item = z.looseObject({
  id: text,
  type: text,
  text: z.catch(z.optional(z.string()), undefined),
  message: z.catch(z.optional(z.string()), undefined),
  command: z.catch(z.optional(z.string()), undefined),
  aggregated_output: z.catch(z.optional(z.string()), undefined),
  exit_code: z.catch(z.nullish(z.number()), undefined),
  changes: z.catch(z.optional(z.array(z.looseObject({ path: text, kind: text }))), undefined),
});
type Item = z.infer<typeof item>;

const codexEvent = z.looseObject({
  type: z.string(),
  thread_id: z.catch(z.optional(z.string()), undefined),
  item: z.catch(z.optional(item), undefined),
  message: z.catch(z.optional(z.string()), undefined),
  error: z.catch(z.optional(z.looseObject({ message: text })), undefined),
  usage: z.catch(
    z.optional(z.looseObject({ input_tokens: tokens, cached_input_tokens: tokens, output_tokens: tokens })),
    undefined,
  ),
});
type CodexEvent = z.infer<typeof codexEvent>;

/** Events without information for people. */
const SILENT = new Set(['thread.started', 'turn.started', 'item.updated']);

/** Opens a reader for one run of Codex. */
export function openCodexReader(): AgentReader {
  /** Commands whose start was shown, so that they are not shown again at their end. */
  const announced = new Set<string>();
  const turn = new CodexTurn();
  return {
    turn,
    readLine(line, whole) {
      if (line === '') return [];
      const event = whole ? parseEvent(line) : undefined;
      turn.note(event && { type: event.type, threadId: event.thread_id, itemType: event.item?.type });
      if (event === undefined) return [output(line)];
      return readEvent(event, announced) ?? [output(line)];
    },
  };
}

function parseEvent(line: string): CodexEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return codexEvent.safeParse(JSON.parse(line)).data;
  } catch {
    // The line is not JSON. It is ordinary text that begins with a brace.
    return undefined;
  }
}

/** Returns undefined for unknown events. */
function readEvent(event: CodexEvent, announced: Set<string>): AgentEvent[] | undefined {
  switch (event.type) {
    case 'item.started':
      return event.item && readStartedItem(event.item, announced);
    case 'item.completed':
      return event.item && readCompletedItem(event.item, announced);
    case 'turn.completed':
      return readUsage(event);
    case 'turn.failed':
      return [{ kind: 'failure', message: event.error?.message ?? '', final: true }];
    case 'error':
      return readError(event.message ?? '');
    default:
      return SILENT.has(event.type) ? [] : undefined;
  }
}

function readStartedItem(started: Item, announced: Set<string>): AgentEvent[] {
  if (started.type !== 'command_execution') return [];
  announced.add(started.id);
  return [output(`$ ${started.command ?? ''}`)];
}

function readCompletedItem(done: Item, announced: Set<string>): AgentEvent[] | undefined {
  switch (done.type) {
    case 'agent_message':
      return [{ kind: 'message', text: done.text ?? '' }];
    case 'command_execution':
      return readCommand(done, announced);
    case 'reasoning':
      return [output(done.text ?? '')];
    case 'file_change':
      return (done.changes ?? []).map((change) => output(`${change.kind} ${change.path}`));
    case 'error':
      return [{ kind: 'log', stream: 'stderr', level: 'warn', text: withNewline(done.message ?? '') }];
    default:
      return undefined;
  }
}

function readCommand(done: Item, announced: Set<string>): AgentEvent[] {
  const events: AgentEvent[] = announced.delete(done.id) ? [] : [output(`$ ${done.command ?? ''}`)];
  if (done.aggregated_output) events.push(output(done.aggregated_output));
  if (typeof done.exit_code === 'number' && done.exit_code !== 0) {
    events.push(output(`(exit code ${done.exit_code})`, 'warn'));
  }
  return events;
}

/** Codex also prints `error` for problems that it recovers from, such as "Reconnecting…", so it is not final. */
function readError(message: string): AgentEvent[] {
  return [
    { kind: 'log', stream: 'stderr', level: 'error', text: withNewline(message) },
    { kind: 'failure', message, final: false },
  ];
}

function readUsage(event: CodexEvent): AgentEvent[] {
  if (event.usage === undefined) return [];
  const { input_tokens, cached_input_tokens, output_tokens } = event.usage;
  return [
    {
      kind: 'usage',
      usage: {
        inputTokens: input_tokens,
        cachedInputTokens: cached_input_tokens,
        outputTokens: output_tokens,
      },
    },
  ];
}

function output(line: string, level: LogLevel = 'info'): AgentEvent {
  return { kind: 'log', stream: 'stdout', level, text: withNewline(line) };
}

function withNewline(line: string): string {
  return line.endsWith('\n') ? line : `${line}\n`;
}
