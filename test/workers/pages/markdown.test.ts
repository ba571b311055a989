/** Markdown of agents and people: what is rendered, what stays text, and that no text takes long. */

import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../../workers/pages/design/markdown.ts';
import { aBrowser } from '../harness/browser.ts';
import { aRunningPrompt, complete } from '../harness/machines.ts';

const text = (words: string) => ({ kind: 'text', text: words });

describe('a text', () => {
  it.each([
    ['keeps line breaks in a paragraph', 'a\nb', [{ kind: 'paragraph', parts: [text('a\nb')] }]],
    [
      'has headings, which end a paragraph',
      'a\n## b',
      [
        { kind: 'paragraph', parts: [text('a')] },
        { kind: 'heading', parts: [text('b')] },
      ],
    ],
    ['has code that is not read', '```js\n**a**\n```', [{ kind: 'code', text: '**a**' }]],
    ['has code that is not closed', '~~~\na\n', [{ kind: 'code', text: 'a\n' }]],
    [
      'has a table with its columns',
      '| a | b |\n|---|---|',
      [{ kind: 'code', text: '| a | b |\n|---|---|' }],
    ],
    ['has quotes', '> a\n> b', [{ kind: 'quote', parts: [text('a\nb')] }]],
    ['has rules', '---', [{ kind: 'rule' }]],
    ['has no heading without a space', '#1 is open', [{ kind: 'paragraph', parts: [text('#1 is open')] }]],
    ['has no list in a number', '3.2 cm', [{ kind: 'paragraph', parts: [text('3.2 cm')] }]],
  ])('%s', (_, markdown, expected) => {
    expect(blocksOf(markdown)).toEqual(expected);
  });

  it('nests lists by their indentation, and joins the lines of an item', () => {
    expect(blocksOf('- a\n  more\n  2. b\n- c')).toEqual([
      {
        kind: 'list',
        start: undefined,
        items: [
          {
            parts: [text('a\nmore')],
            inner: { kind: 'list', start: 2, items: [{ parts: [text('b')], inner: undefined }] },
          },
          { parts: [text('c')], inner: undefined },
        ],
      },
    ]);
  });

  it('marks bold text, code and links in a line, and nothing in code', () => {
    expect(blocksOf('**run `x`** or `**y**`, see [the file](src/a.ts:1)')).toEqual([
      {
        kind: 'paragraph',
        parts: [
          { kind: 'bold', parts: [text('run '), { kind: 'code', text: 'x' }] },
          text(' or '),
          { kind: 'code', text: '**y**' },
          text(', see '),
          { kind: 'link', text: 'the file', address: 'src/a.ts:1' },
        ],
      },
    ]);
  });

  it.each(['*', '**a', '`', '[', '[a](', '>', '- ', '|', '_a', '#', '\n', '  - a\n', '```\n', '**a** '])(
    'of %j over and over is read in a time that grows with its length',
    (piece) => {
      const started = performance.now();
      const blocks = blocksOf(piece.repeat(200_000 / piece.length));
      expect(JSON.stringify(blocks).length).toBeLessThan(10_000_000);
      // A quadratic reader would need minutes.
      expect(performance.now() - started).toBeLessThan(20_000);
    },
  );
});

describe('an answer on a page', () => {
  it('is rendered without markup of its own, and without a link to follow', async () => {
    const held = await aRunningPrompt({ prompt: 'Count.' });
    await complete(held, {
      content:
        '## Done\n\n- **three** gauges, see [here](https://evil.test/)\n\n<img src=x onerror=alert(1)>\n\n```\n<b>\n```',
    });
    const browser = await aBrowser(held.machine.owner);
    for (const path of [`/jobs/${held.jobId}`, `/sessions/codex-${held.machine.machineId}`]) {
      const { html } = await browser.get(path);
      expect(html).toContain('<p class="prose-heading">Done</p>');
      expect(html).toContain(
        '<li><strong>three</strong> gauges, see here <span class="quiet">(https://evil.test/)</span></li>',
      );
      expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
      expect(html).not.toContain('href="https://evil.test');
      expect(html).not.toContain('<img src=x');
    }
  });
});
