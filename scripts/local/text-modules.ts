/**
 * The Worker imports the style sheet and the script of the pages as text, and the icons as bytes, because of a rule in wrangler.toml. The local
 * runtime and the tests bundle with other tools. This plugin gives them the same rule.
 */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TEXT = /\/browser\/[\w.-]+\.(?:css|js|svg|webmanifest)$/;
/** Pictures are imported as bytes. */
const DATA = /\/browser\/icons\/[\w.-]+\.png$/;
/** Marks an id of this plugin, and hides the file extension from other plugins that handle style sheets and scripts. */
const MARK = '\0text:';

export function textModules() {
  return {
    name: 'text-modules',
    enforce: 'pre' as const,
    resolveId(source: string, importer: string | undefined): string | undefined {
      if (!(TEXT.test(source) || DATA.test(source)) || importer === undefined || !source.startsWith('.'))
        return undefined;
      return `${MARK}${join(dirname(importer), source)}.text`;
    },
    load(id: string): string | undefined {
      if (!id.startsWith(MARK)) return undefined;
      const path = id.slice(MARK.length, -'.text'.length);
      const content = readFileSync(path);
      return DATA.test(path)
        ? `export default Uint8Array.from(atob('${content.toString('base64')}'), (unit) => unit.charCodeAt(0)).buffer;`
        : `export default ${JSON.stringify(content.toString('utf8'))};`;
    },
  };
}
