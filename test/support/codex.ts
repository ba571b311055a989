/** Finds a real Codex binary and gives it a home of its own that talks to a loopback model. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `.ci/run` installs it; 400 MB are too many for `package.json`. */
const CI_BINARY = join(homedir(), '.cache', 'orp-runner-ci', 'codex', 'node_modules', '.bin', 'codex');

/** The binary to test with: `CODEX_BIN`, the one of CI, or the one on the PATH; null when there is none. */
export function findCodex(): string | null {
  const candidates = [process.env.CODEX_BIN, existsSync(CI_BINARY) ? CI_BINARY : undefined, 'codex'];
  for (const candidate of candidates) {
    if (candidate && spawnSync(candidate, ['--version']).status === 0) return candidate;
  }
  return null;
}

/** Makes a `CODEX_HOME` whose only model is the one behind `baseUrl`. */
export function makeCodexHome(folder: string, baseUrl: string): string {
  const home = join(folder, 'codex-home');
  mkdirSync(home, { recursive: true });
  const config = `model = "loopback"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "${baseUrl}"
wire_api = "responses"
`;
  writeFileSync(join(home, 'config.toml'), config);
  return home;
}
