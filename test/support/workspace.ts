/** A person's machine in a temporary folder, with a repository, settings, and `orp` signed in to a server. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRepository } from '../../scripts/demo/stage.ts';
import { isolatedEnv } from '../../scripts/local/orp-command.ts';
import type { Where } from '../../scripts/local/run-process.ts';
import type { Hosted, TestUser } from './hosted.ts';
import { orpInside } from './orp-inside.ts';

export interface Workspace {
  folder: string;
  repository: string;
  orp: Where;
  user: TestUser;
  remove(): void;
}

/** Creates the folder and signs in. `env` is added to the environment of every command. */
export async function makeWorkspace(
  hosted: Pick<Hosted, 'url' | 'createUser'>,
  env: NodeJS.ProcessEnv = {},
): Promise<Workspace> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-workspace-')));
  const repository = makeRepository(folder);
  const orp = { cwd: repository, env: { ...isolatedEnv(folder), ...env } };
  const user = await hosted.createUser();
  const login = ['auth', 'login', '--base-url', hosted.url, '--email', user.email, '--password-stdin'];
  await orpInside(orp, login, `${user.password}\n`);
  return {
    folder,
    repository,
    orp,
    user,
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Adds an idea, links the repository and one session to it, and syncs. Returns the idea. */
export async function linkSession(workspace: Workspace, agentSessionId: string): Promise<string> {
  const { orp } = workspace;
  const { id } = await orpInside<{ id: string }>(orp, [
    'idea',
    'add',
    '--title',
    'Tidal survey',
    '--notes',
    'Measure.',
  ]);
  const session = ['--orp-session-id', 'main', '--label', 'Main', '--codex-session-id', agentSessionId];
  await orpInside(orp, ['link', 'session', 'register', ...session, '--primary']);
  await orpInside(orp, ['link', 'project', 'bind', '--idea-id', id]);
  await orpInside(orp, ['runner', 'enable']);
  await orpInside(orp, ['runner', 'sync']);
  return id;
}
