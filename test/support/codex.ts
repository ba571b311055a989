/** Finds a real Codex binary, and creates a `CODEX_HOME` for it that uses a fake model on this machine. */

import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isOlder } from '../../cli/base/version.ts';
import { CODEX_AGES, pinnedCodex } from '../../scripts/local/pinned-codex.ts';

/** In this version, each profile is a separate file. Version 0.114 still had tables in one file. */
const FIRST_WITH_PROFILE_FILES = '0.154.0';

export interface RealCodex {
  /** The name for test titles. */
  name: string;
  bin: string;
  /** The version that the binary reports, such as `0.171.0`. */
  version: string;
}

/** Returns the binaries to test, oldest first: `CODEX_BIN` if set, otherwise those of CI, otherwise `codex` on the PATH. */
export function findCodexes(): RealCodex[] {
  const asked = process.env.CODEX_BIN;
  if (asked) return known('CODEX_BIN', asked);
  const pinned = CODEX_AGES.flatMap((age) => known(`the ${age} Codex`, pinnedCodex(age)));
  return pinned.length > 0 ? pinned : known('the Codex on the PATH', 'codex');
}

function known(name: string, bin: string): RealCodex[] {
  const { status, stdout } = spawnSync(bin, ['--version'], { encoding: 'utf8' });
  const version = /(\d+\.\d+\.\d+\S*)/.exec(stdout ?? '')?.[1];
  return status === 0 && version !== undefined ? [{ name: `${name} (${version})`, bin, version }] : [];
}

/** Creates a `CODEX_HOME` whose only model is at `baseUrl`. */
export function makeCodexHome(folder: string, baseUrl: string): string {
  const home = join(folder, 'codex-home');
  mkdirSync(home, { recursive: true });
  const config = `model = "loopback"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "${baseUrl}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
`;
  writeFileSync(join(home, 'config.toml'), config);
  return home;
}

/** Adds a configuration profile that names a model, in the form that this version reads. */
export function addProfile(
  home: string,
  { version }: RealCodex,
  profile: { name: string; model: string },
): void {
  const { name, model } = profile;
  if (isOlder(version, FIRST_WITH_PROFILE_FILES)) {
    appendFileSync(join(home, 'config.toml'), `[profiles.${name}]\nmodel = "${model}"\n`);
  } else {
    writeFileSync(join(home, `${name}.config.toml`), `model = "${model}"\n`);
  }
}
