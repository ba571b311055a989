/**
 * What the sentence means with which Codex says why it failed. Most failures are the job's own. Some are not: the account
 * has reached its limit, nobody is signed in, the model is overloaded, the program cannot run. Those would fail every job in
 * the queue. The sentences are those of real versions (`test/cli/agents/codex-failures.captured.json`). Pure.
 */

import type { ConditionCode } from '../../spec/job/condition.ts';
import type { FailureReading, TurnFacts } from './agent.ts';
import { readResetTime } from './reset-time.ts';

interface Rule {
  code: ConditionCode | 'session_missing' | 'session_in_use';
  /** Any of these. */
  said: readonly RegExp[];
  /** Only of a program that reported nothing at all: later the same words may be about the work. */
  isBeforeTheTurn?: boolean;
}

/** The first that applies counts. */
const RULES: readonly Rule[] = [
  {
    code: 'session_missing',
    said: [/no rollout found for (?:thread|conversation) id/i, /no saved session found/i],
    isBeforeTheTurn: true,
  },
  { code: 'session_in_use', said: [/already has an active writer/i], isBeforeTheTurn: true },
  {
    code: 'usage_limited',
    said: [
      /hit your (?:usage|rate|session|weekly|plan) limit/i,
      /usage limit (?:has been )?reached/i,
      /^quota exceeded\b/i,
      /exceeded your current quota/i,
      /\bout of credits\b/i,
      /to use codex with your chatgpt plan, upgrade/i,
      /(?:unexpected|last) status:? 402\b/i,
    ],
  },
  {
    code: 'signed_out',
    said: [
      /(?:unexpected|last) status:? 401\b/i,
      /access token could not be refreshed/i,
      /refresh token (?:was|is|has been) (?:already used|revoked|expired|invalid)/i,
      /log ?out and sign ?in again/i,
      /^(?:error: )?not (?:logged|signed) in\b/i,
      /missing environment variable: /i,
    ],
  },
  {
    code: 'overloaded',
    said: [
      /model is at capacity/i,
      /(?:unexpected|last) status:? (?:429|502|503|504|529)\b/i,
      /\brate limit (?:reached|exceeded)\b/i,
      /\bcurrently overloaded\b/i,
      /experiencing high (?:demand|load)/i,
      /error sending request for url/i,
      /^connection failed\b/i,
    ],
  },
  {
    code: 'agent_unavailable',
    said: [
      /missing optional dependency/i,
      /error loading config|toml parse error/i,
      /config profile .* not found/i,
      /\b(?:command not found|no such file or directory)$/i,
      /exec format error/i,
      /error while loading shared libraries|library not loaded|version `?GLIBC/i,
      /^(?:error: )?cannot find (?:module|package)/i,
    ],
    isBeforeTheTurn: true,
  },
];

/** Reads why a run failed; undefined: the failure is the job's own. */
export function readFailure(
  text: string,
  turn: Pick<TurnFacts, 'hasEvents'>,
  now: number,
): FailureReading | undefined {
  const said = text.trim();
  const rule = RULES.find(
    (one) => !(one.isBeforeTheTurn && turn.hasEvents) && one.said.some((pattern) => pattern.test(said)),
  );
  if (rule === undefined) return undefined;
  const { code } = rule;
  if (code === 'session_missing' || code === 'session_in_use') return { kind: code };
  return { kind: 'condition', code, until: readResetTime(said, now) };
}
