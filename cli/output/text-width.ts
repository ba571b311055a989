/** Measures and cuts text by terminal columns. The text must be free of terminal controls. */

import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();

/** The number of columns of a text. */
export function textWidth(text: string): number {
  return stringWidth(text);
}

/** Cuts a text to a number of columns; `…` marks the cut. */
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
