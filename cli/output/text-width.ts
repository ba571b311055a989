/** Texts that are cut to fit into columns of a terminal. Of text that does not steer the terminal. */

import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();

/** The columns that a text takes. */
export function textWidth(text: string): number {
  return stringWidth(text);
}

/** Cuts a text so that it fits into so many columns; `…` says that something is missing. */
export function cutToWidth(text: string, columns: number): string {
  return textWidth(text) <= columns ? text : `${keepWidth(text, columns - 1)}…`;
}

function keepWidth(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    width += textWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}
