/** Installs the scripted Codex like npm, so that `orp` can read its version and drive it through an agent server. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../../../scripts/local/project-path.ts';

/** Returns the path of the executable. */
export function installCodex(folder: string): string {
  const home = join(folder, 'codex');
  const bin = join(home, 'bin', 'codex.mjs');
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@openai/codex', version: '0.171.0' }));
  writeFileSync(
    bin,
    `#!/usr/bin/env node\nimport ${JSON.stringify(projectPath('test/support/chaos/codex/codex.mjs'))};\n`,
  );
  chmodSync(bin, 0o755);
  return bin;
}
