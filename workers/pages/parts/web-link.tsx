/** Shows a stored link. Only web addresses become links. Addresses with other schemes stay text. */

import { shownLine } from '../design/shown.ts';

export function WebLink({ url }: { url: string }) {
  const words = shownLine(url.replace(/^https?:\/\//, ''), 100);
  const isWeb = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return isWeb ? (
    <a href={url} rel="noopener noreferrer">
      {words}
    </a>
  ) : (
    <span>{words}</span>
  );
}
