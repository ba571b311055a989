/** How many columns of a terminal a text takes, and texts that are cut to fit. Of text that does not steer the terminal. */

const segmenter = new Intl.Segmenter();

/** Letters that stand in two columns: East Asian wide forms, and pictures. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;

function widthOf(segment: string): number {
  return WIDE.test(segment) ? 2 : 1;
}

/** The columns that a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += widthOf(segment);
  return width;
}

/** Cuts a text so that it fits into so many columns; `…` says that something is missing. */
export function cutToWidth(text: string, columns: number): string {
  return textWidth(text) <= columns ? text : `${keepWidth(text, columns - 1)}…`;
}

function keepWidth(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    kept += segment;
  }
  return kept;
}
