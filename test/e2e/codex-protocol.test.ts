/** The protocol that is checked in, against the real Codex binaries that `test/codex` pins. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { isOlder } from '../../cli/base/version.ts';
import { findCodexes, type RealCodex } from '../support/codex.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/codex-protocol.ts', import.meta.url));

/** At the latest from here on Codex has a server on a unix socket; 0.47 has none. An older one may say that it has one. */
const CERTAIN_SINCE = '0.154.0';

function hasSocketServer({ bin, version }: RealCodex): boolean {
  if (!isOlder(version, CERTAIN_SINCE)) return true;
  return spawnSync(bin, ['app-server', '--help'], { encoding: 'utf8' }).stdout.includes('unix://PATH');
}

const codexes = findCodexes();
if (codexes.length === 0) {
  const sentence =
    'No Codex binary was found (CODEX_BIN, the PATH): the protocol is not compared with a real Codex.';
  if (process.env.ORP_REQUIRE_CODEX) throw new Error(sentence);
  console.warn(sentence);
  it.skip(sentence);
}

const withServer = codexes.filter(hasSocketServer);
const withoutServer = codexes.filter((codex) => !withServer.includes(codex));

it.each(withServer)('$name has every method and field that orp uses', ({ bin, version }) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--check', bin], {
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: `Codex ${version}: no method that orp uses drifted.\n`,
    stderr: '',
  });
});

it.each(withoutServer)('$name has no app-server on a unix socket: orp uses codex exec', ({ bin }) => {
  const words = ['app-server', '--listen', 'unix:///nowhere/codex.sock'];
  const { status, stderr } = spawnSync(bin, words, { encoding: 'utf8', timeout: 20_000 });
  expect(status).not.toBe(0);
  expect(stderr).toContain("unexpected argument '--listen'");
  const checked = spawnSync(process.execPath, [SCRIPT, '--check', bin], { encoding: 'utf8' });
  expect(checked.status).toBe(2);
  expect(checked.stderr).toContain('cannot print the protocol of its app-server');
});
