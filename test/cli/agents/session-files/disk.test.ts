/** Which programs have a session open, as the system tells. */

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isOpenFile } from '../../../../cli/agents/session-files/disk.ts';
import { makeTemporaryFolder } from '../../../../scripts/local/temporary-folder.ts';

/** A program in the place of `lsof`. */
function scripted(body: string): string {
  const path = join(makeTemporaryFolder('orp-lsof-'), 'lsof');
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

it.each([
  ['names a process', 'echo 4711', true],
  ['names none', 'exit 1', false],
  ['complains', 'echo "no permission" >&2; exit 1', undefined],
  ['fails in another way', 'exit 2', undefined],
])('where the system lists open files: lsof %s', async (_, body, isOpen) => {
  expect(await isOpenFile('/tmp/lock', scripted(body))).toBe(isOpen);
});

it('does not know about open files without lsof', async () => {
  expect(await isOpenFile('/tmp/lock', '/nowhere/lsof')).toBeUndefined();
});
