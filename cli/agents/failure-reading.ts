/**
 * Interprets the failure messages of Codex. Most failures concern the job. Some would fail every job in the queue: usage limit,
 * missing sign-in, overloaded model, unusable executable. The messages come from real versions
 * (`test/cli/agents/codex-failures.captured.json`). Pure.
 */

import type { ConditionCode } from '../../spec/job/condition.ts';
import type { FailureReading, TurnFacts } from './agent.ts';

interface Rule {
  code: ConditionCode | 'session_missing' | 'session_in_use' | 'context_full' | 'model_unavailable';
  /** Matches if any of these match. */
  said: readonly RegExp[];
  /** Applies only before the first event. Later, the same words may concern the work. */
  isBeforeTheTurn?: boolean;
}

/** The first match decides. */
const RULES: readonly Rule[] = [
  {
    code: 'session_missing',
    said: [/no rollout found for (?:thread|conversation) id/i, /no saved session found/i],
    isBeforeTheTurn: true,
  },
  { code: 'session_in_use', said: [/already has an active writer/i], isBeforeTheTurn: true },
  { code: 'context_full', said: [/^codex ran out of room in the model's context window\b/i] },
  {
    code: 'model_unavailable',
    said: [
      /(?:^|completion: |"message":")the model \S+ does not exist\b/i,
      /"code": ?"model_not_(?:found|supported)"/i,
      /\{"detail":"the \S+ model is not supported when using codex\b/i,
    ],
  },
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

/** Interprets the failure of a run. Returns undefined if the job itself failed. */
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
  if (code === 'context_full' || code === 'model_unavailable') return { kind: code };
  return { kind: 'condition', code, until: readResetTime(said, now) };
}

// When an agent says that its limit ends: "try again at 7:35 AM", "at Nov 29th, 2026 5:35 AM", "in 2 hours 30 minutes". A time
// of day is in the time zone of this process, which the agent shares.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The longest plausible limit. Later times are ignored. */
const LONGEST_MS = 31 * DAY_MS;
/** A time of day that passed less than this ago means today: the limit is about to end. */
const JUST_PASSED_MS = 10 * MINUTE_MS;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
const AMOUNT =
  /(\d{1,9}(?:\.\d{1,6})?)\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])/gi;
const AMOUNTS = new RegExp(String.raw`\bin\s+(?:about\s+)?((?:${AMOUNT.source}[\s,]*(?:and\s+)?)+)`, 'i');
const LESS_THAN_A_MINUTE = /\bin\s+less\s+than\s+a\s+minute\b/i;

const ISO = /\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d{2}:?\d{2})\b/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DATE = new RegExp(
  String.raw`\b(${MONTHS.join('|')})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?`,
  'i',
);
const CLOCK = /\b(\d{1,2})(?::(\d{2}))?(?::\d{2})?\s*([ap])\.?m\b|\b(\d{1,2}):(\d{2})\b/i;
/** Words before a time. Other numbers in the sentence are ignored. */
const ANNOUNCED = /\b(?:try\s+again|retry|resets?|available(?:\s+again)?)\b(.*)/is;

/** Finds the time (epoch ms, after `now`) in a sentence. Returns undefined if there is no plausible time. */
export function readResetTime(text: string, now: number): number | undefined {
  const said = ANNOUNCED.exec(text)?.[1];
  if (said === undefined) return undefined;
  const at = readPause(said, now) ?? readInstant(said, now);
  return at !== undefined && isPlausibleReset(at, now) ? at : undefined;
}

/** Returns whether a reset at this time is plausible. Other times are ignored, because the pause would never end. */
export function isPlausibleReset(at: number, now: number): boolean {
  return at > now && at - now <= LONGEST_MS;
}

function readPause(said: string, now: number): number | undefined {
  if (LESS_THAN_A_MINUTE.test(said)) return now + MINUTE_MS;
  const amounts = AMOUNTS.exec(said)?.[1];
  if (amounts === undefined) return undefined;
  let ms = 0;
  for (const [, amount, unit = ''] of amounts.matchAll(AMOUNT))
    ms += Number(amount) * unitMs(unit.toLowerCase());
  return Math.ceil(now + ms);
}

function unitMs(unit: string): number {
  const isMilli = unit.startsWith('ms') || unit.startsWith('milli');
  return UNIT_MS[isMilli ? 'ms' : unit.charAt(0)] ?? 0;
}

function readInstant(said: string, now: number): number | undefined {
  const iso = ISO.exec(said)?.[0];
  if (iso !== undefined) return Date.parse(iso.replace(' ', 'T').replace(' ', ''));
  const date = DATE.exec(said);
  const time = readClock(date === null ? said : said.slice(date.index + date[0].length));
  if (time === undefined) return undefined;
  return date === null ? nextTimeOfDay(time, now) : onDate(date, time, now);
}

interface TimeOfDay {
  hours: number;
  minutes: number;
}

function readClock(said: string): TimeOfDay | undefined {
  const [, hour12, minute12, half, hour24, minute24] = CLOCK.exec(said) ?? [];
  const minutes = Number(minute12 ?? minute24 ?? 0);
  const hours =
    half === undefined ? Number(hour24) : (Number(hour12) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  const isTime = hours <= 23 && minutes <= 59 && (half === undefined || Number(hour12) <= 12);
  return isTime ? { hours, minutes } : undefined;
}

function nextTimeOfDay({ hours, minutes }: TimeOfDay, now: number): number {
  const today = new Date(now);
  const at = new Date(today.getFullYear(), today.getMonth(), today.getDate(), hours, minutes);
  if (endOfMinute(at) < now - JUST_PASSED_MS) at.setDate(at.getDate() + 1);
  return endOfMinute(at);
}

function onDate([, month = '', day, year]: RegExpExecArray, time: TimeOfDay, now: number): number {
  const monthAt = MONTHS.indexOf(month.toLowerCase());
  const onYear = (fullYear: number) =>
    endOfMinute(new Date(fullYear, monthAt, Number(day), time.hours, time.minutes));
  const thisYear = new Date(now).getFullYear();
  if (year !== undefined) return onYear(Number(year));
  return onYear(thisYear) < now ? onYear(thisYear + 1) : onYear(thisYear);
}

/** The agent omits seconds, so the limit may still apply at the start of the minute. */
function endOfMinute(at: Date): number {
  return at.getTime() + MINUTE_MS;
}
