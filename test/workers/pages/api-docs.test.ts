/** The API for others: the document and its page, for everybody, without scripts of others. */

import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { type OpenApi, openApiDocument } from '../../../spec/openapi/document.ts';
import { Browser, fetchAsPlatform } from '../harness/browser.ts';

describe('GET /openapi.json', () => {
  it('is the document of the contract, for programs and for tools in browsers', async () => {
    const answer = await fetchAsPlatform('/openapi.json');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/);
    const { info, ...document } = await answer.json<OpenApi>();
    const { info: _, ...expected } = JSON.parse(JSON.stringify(openApiDocument('')));
    expect(document).toEqual(expected);
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    expect(answer.headers.get('Cross-Origin-Resource-Policy')).toBe(null);
    expect(answer.headers.get('Cache-Control')).toBe('public, max-age=300');
  });
});

describe('GET /docs', () => {
  it('lists every route with its fields, without a sign-in', async () => {
    const page = await new Browser().get('/docs');
    expect(page.status).toBe(200);
    for (const { name, path } of ROWS) {
      expect(page.html, name).toContain(`id="${name}"`);
      expect(page.text, name).toContain(path.replaceAll(/:(\w+)/g, '{$1}'));
    }
    expect(page.text).toContain('sessionFallback');
    expect(page.text).toContain('integer from -100 to 100');
    expect(page.text).not.toMatch(/undefined|\[object Object\]/);
  });

  it('has the strict policy of the pages, and no script or style but theirs', async () => {
    const { html, headers } = await new Browser().get('/docs');
    expect(headers.get('Content-Security-Policy')).toContain(
      "default-src 'none'; style-src 'self'; script-src 'self'",
    );
    for (const [, source = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g)) expect(source).toMatch(/^[/#]/);
    expect(html).not.toMatch(/ style=|<script>| on\w+=/);
  });
});
