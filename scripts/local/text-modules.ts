/**
 * The style sheet and the script of the pages are plain files that the Worker imports as text, as the rule in wrangler.toml
 * says. The local runtime and the tests bundle with other tools; this plugin teaches them the same rule.
 */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TEXT = /\/browser\/[\w.-]+\.(?:css|js|svg|webmanifest)$/;
/** Marks an id as ours, and hides the extension from whoever treats style sheets and scripts specially. */
const MARK = '\0text:';

export function textModules() {
  return {
    name: 'text-modules',
    enforce: 'pre' as const,
    resolveId(source: string, importer: string | undefined): string | undefined {
      if (!TEXT.test(source) || importer === undefined || !source.startsWith('.')) return undefined;
      return `${MARK}${join(dirname(importer), source)}.text`;
    },
    load(id: string): string | undefined {
      if (!id.startsWith(MARK)) return undefined;
      const text = readFileSync(id.slice(MARK.length, -'.text'.length), 'utf8');
      return `export default ${JSON.stringify(text)};`;
    },
  };
}
