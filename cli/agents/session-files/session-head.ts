/**
 * Reads facts about a session from the first lines of its Codex session file. The file belongs to another program, so a line
 * that is incomplete, huge or not JSON is skipped.
 */

import { isObject, type JsonObject } from '../../files/json-file.ts';

/** The length of a first prompt in lists. */
const PROMPT_CHARACTERS = 200;

export interface SessionHead {
  sessionId: string;
  cwd: string;
  branch: string | undefined;
  /** Undefined until a line with it was read. */
  firstPrompt: string | undefined;
}

/** Reads the first line. Returns undefined if a person did not start the session, because subagents have sessions, too. */
export function readFirstLine(line: string): SessionHead | undefined {
  const entry = parse(line);
  if (entry?.type !== 'session_meta' || !isObject(entry.payload)) return undefined;
  const { id, cwd, source, git } = entry.payload;
  if (typeof id !== 'string' || typeof cwd !== 'string' || isObject(source)) return undefined;
  const branch = isObject(git) && typeof git.branch === 'string' ? git.branch : undefined;
  return { sessionId: id, cwd, branch, firstPrompt: undefined };
}

/** Returns the prompt in a line. Skips user messages that Codex itself has added; they begin with a tag or a heading. */
export function readPrompt(line: string): string | undefined {
  if (!line.includes('"user_message"') && !line.includes('"user"') && !line.includes('"UserMessage"')) {
    return undefined;
  }
  const payload = parse(line)?.payload;
  if (!isObject(payload)) return undefined;
  const text = textOf(payload)?.trim();
  if (text === undefined || text === '' || /^<[a-z_]+>|^# AGENTS\.md/.test(text)) return undefined;
  return cutPrompt(text);
}

/** The start of a prompt, cut between two characters. */
export function cutPrompt(text: string): string {
  return text.length <= PROMPT_CHARACTERS
    ? text
    : Array.from(text.slice(0, 2 * PROMPT_CHARACTERS))
        .slice(0, PROMPT_CHARACTERS)
        .join('');
}

function textOf(payload: JsonObject): string | undefined {
  const { type, message, role, content, item } = payload;
  if (type === 'user_message' && typeof message === 'string') return message;
  if (type === 'message' && role === 'user') return joinTexts(content);
  if (type === 'item_completed' && isObject(item) && item.type === 'UserMessage')
    return joinTexts(item.content);
  return undefined;
}

function joinTexts(content: unknown): string | undefined {
  if (!Array.isArray(content)) return undefined;
  return content
    .flatMap((part) => (isObject(part) && typeof part.text === 'string' ? [part.text] : []))
    .join('\n');
}

function parse(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
