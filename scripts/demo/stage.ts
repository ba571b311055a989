/** The place of the demonstration: a temporary folder with a repository, the settings of a person, and a server. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutRepositoryVariables } from '../../cli/git/git-variables.ts';
import { accountRow, generatePassword, insertAccount } from '../local/accounts.ts';
import { isolatedEnv } from '../local/orp-command.ts';
import type { Where } from '../local/run-process.ts';
import { type Runtime, startRuntime } from '../local/runtime.ts';
import { makeTemporaryFolder } from '../local/temporary-folder.ts';

export interface Person {
  email: string;
  password: string;
}

export interface Stage {
  folder: string;
  /** The state of the server. */
  hostedState: string;
  repository: string;
  /** The folder and the environment in which the person runs `orp`. */
  orp: Where;
  hosted: Runtime;
  person: Person;
}

const README = `# Tidal survey

A small repository that the demonstration of ORP Runner links.
`;

/** Options that disable the person's own git settings (signing, hooks). */
const GIT_SETTINGS = [
  'user.name=Demo',
  'user.email=demo@orp.test',
  'commit.gpgsign=false',
  'core.hooksPath=/dev/null',
].flatMap((setting) => ['-c', setting]);

export function makeFolder(): string {
  return makeTemporaryFolder('orp-demo-');
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

export function makeRepository(folder: string): string {
  const repository = join(folder, 'tidal-survey');
  mkdirSync(repository, { recursive: true });
  writeFileSync(join(repository, 'README.md'), README);
  for (const args of [
    ['init', '--quiet', '--initial-branch=main'],
    ['add', 'README.md'],
    ['commit', '--quiet', '--message', 'Begin the survey'],
  ]) {
    const env = withoutRepositoryVariables(process.env);
    const done = spawnSync('git', [...GIT_SETTINGS, ...args], { cwd: repository, env, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`git ${args[0]} failed: ${done.stderr ?? done.error?.message}`);
  }
  return repository;
}

/** Starts the server with one account. */
export async function startHosted(hostedState: string): Promise<{ hosted: Runtime; person: Person }> {
  const hosted = await startRuntime({ port: 0, persistTo: hostedState });
  const person = { email: 'mira@orp.test', password: generatePassword() };
  await insertAccount(hosted.database, accountRow({ ...person, name: 'Mira' }, Date.now()));
  return { hosted, person };
}

export function personEnv(folder: string): NodeJS.ProcessEnv {
  return { ...isolatedEnv(folder), DEMO_AGENT_HOME: join(folder, 'agent') };
}
