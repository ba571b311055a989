/** Renders long texts of people and agents, which are Markdown in practice. */

import type { Child } from 'hono/jsx';
import { type Block, blocksOf, type Inline, type List } from '../design/markdown.ts';
import { shown } from '../design/shown.ts';

/** Shows a text. `missing` is the number of characters that the caller has cut from its end. */
export function Prose({
  text,
  limit = 200_000,
  missing = 0,
}: {
  text: string;
  limit?: number;
  missing?: number;
}) {
  return (
    <div class="prose">
      {blocksOf(shown(text, limit)).map(blockView)}
      {missing > 0 && <p class="quiet">… ({missing.toLocaleString('en')} more characters)</p>}
    </div>
  );
}

function blockView(block: Block): Child {
  switch (block.kind) {
    case 'code':
      return (
        <pre tabindex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case 'rule':
      return <hr />;
    case 'quote':
      return <blockquote>{inlineView(block.parts)}</blockquote>;
    case 'heading':
      // The headings of a text are not headings of the page.
      return <p class="prose-heading">{inlineView(block.parts)}</p>;
    case 'list':
      return listView(block);
    default:
      return <p>{inlineView(block.parts)}</p>;
  }
}

function listView({ start, items }: List): Child {
  const views = items.map(({ parts, inner }) => (
    <li>
      {inlineView(parts)}
      {inner && listView(inner)}
    </li>
  ));
  return start === undefined ? <ul>{views}</ul> : <ol start={start}>{views}</ol>;
}

function inlineView(parts: readonly Inline[]): Child {
  return parts.map((part) => {
    switch (part.kind) {
      case 'code':
        return <code>{part.text}</code>;
      case 'bold':
        return <strong>{inlineView(part.parts)}</strong>;
      case 'link':
        return part.text === part.address ? (
          part.text
        ) : (
          <>
            {part.text} <span class="quiet">({part.address})</span>
          </>
        );
      default:
        return part.text;
    }
  });
}
