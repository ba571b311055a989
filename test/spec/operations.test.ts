/** docs/operations.md has the recovery playbook in the words that the server shows. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ALERT_KINDS, PLAYBOOK } from '../../spec/overview/alerts.ts';

it('the recovery playbook of the docs is that of the alerts, row by row', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const rows = page.slice(page.indexOf('## Recovery playbook')).match(/^\| `[a-z_]+` \| .*$/gm);
  expect(rows).toEqual(
    ALERT_KINDS.map((kind) => `| \`${kind}\` | ${PLAYBOOK[kind].meaning} | ${PLAYBOOK[kind].next} |`),
  );
});
