/**
 * Reads the five sections of an agent's review.
 *
 * A heading begins at column 0 and consists of up to six `#`, one of the titles in any case, and an optional colon. The text
 * up to the next heading is the section. A repeated heading replaces the earlier section.
 */

import { SUMMARY_LENGTH } from '../job/kinds.ts';
import { cut } from '../text.ts';

/** The titles, in the order in which the prompt asks for them. */
export const SECTION_TITLES = {
  previousState: 'Previous state',
  currentState: 'Current state',
  headingState: 'Heading state',
  reviewNotes: 'Review notes',
  actionItems: 'Action items',
} as const;
type SectionKey = keyof typeof SECTION_TITLES;

/** A review in parts. Absent text sections are omitted; absent list sections are empty. */
export interface StructuredReview {
  previousState?: string;
  currentState?: string;
  headingState?: string;
  reviewNotes: string[];
  actionItems: string[];
}

const KEYS = Object.keys(SECTION_TITLES) as SectionKey[];
const HEADING = new RegExp(
  `^(?:#{1,6}[ \\t]*)?(${Object.values(SECTION_TITLES).join('|')})[ \\t]*:?[ \\t]*$`,
  'i',
);
const LIST_MARKER = /^\s*(?:[-*•]|\d+\.)\s*/;

/** Parses `body`. A text without any heading gives an empty review. */
export function parseSections(body: string): StructuredReview {
  const texts = new Map<SectionKey, string[]>();
  let current: string[] | undefined;
  for (const line of body.split(/\r?\n/)) {
    const key = headingOf(line);
    if (key !== undefined) {
      current = [];
      texts.set(key, current);
    } else {
      current?.push(line);
    }
  }
  const review: StructuredReview = {
    reviewNotes: listOf(texts.get('reviewNotes')),
    actionItems: listOf(texts.get('actionItems')),
  };
  for (const key of ['previousState', 'currentState', 'headingState'] as const) {
    const text = texts.get(key)?.join('\n').trim();
    if (text) review[key] = text;
  }
  return review;
}

/**
 * Returns one line about a review, with at most 280 characters. It is the first existing text of: the current state, where
 * the work is heading, the previous state, and the first non-blank line of the body.
 */
export function summarizeReview(review: StructuredReview, body: string): string {
  const text = review.currentState ?? review.headingState ?? review.previousState ?? firstLine(body);
  return cut(text, SUMMARY_LENGTH);
}

/** Returns the first non-blank line, trimmed, or an empty text if there is no such line. */
export function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line !== '') ?? ''
  );
}

function headingOf(line: string): SectionKey | undefined {
  const title = HEADING.exec(line)?.[1]?.toLowerCase();
  return title === undefined ? undefined : KEYS.find((key) => SECTION_TITLES[key].toLowerCase() === title);
}

function listOf(lines: readonly string[] | undefined): string[] {
  return (lines ?? []).map((line) => line.replace(LIST_MARKER, '').trim()).filter((line) => line !== '');
}
