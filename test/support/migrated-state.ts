/**
 * The state of a new server after all migrations, as files. It is made once and copied for each server of a test, because the
 * migrations take longer than the start of the server. `test/e2e/migrate.test.ts` tests the migrations themselves.
 */

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { projectPath } from '../../scripts/local/project-path.ts';
import { startRuntime } from '../../scripts/local/runtime.ts';

const FOLDER = 'node_modules/.cache/orp-runner/state';
/** The names of the files depend on the local runtime and on wrangler.toml. */
const SOURCES = ['migrations/*.sql', 'wrangler.toml', 'package-lock.json'];

/** Fills the folder, which must not have a state yet. */
export async function copyMigratedState(persistTo: string): Promise<void> {
  const made = `${projectPath(FOLDER)}/${contentOfSources()}`;
  if (!existsSync(made)) await make(made);
  cpSync(made, persistTo, { recursive: true });
}

async function make(folder: string): Promise<void> {
  mkdirSync(projectPath(FOLDER), { recursive: true });
  const draft = mkdtempSync(`${projectPath(FOLDER)}/draft-`);
  const runtime = await startRuntime({ port: 0, persistTo: draft });
  await runtime.close();
  try {
    renameSync(draft, folder);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(folder)) throw error;
    rmSync(draft, { recursive: true });
  }
}

function contentOfSources(): string {
  const hash = createHash('sha256');
  for (const source of globSync(SOURCES, { cwd: projectPath('') }).sort()) {
    hash.update(source).update(readFileSync(projectPath(source)));
  }
  return hash.digest('hex');
}
