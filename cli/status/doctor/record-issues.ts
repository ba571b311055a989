/** Problems of `link doctor` that need a further look at the disk: moved folders, lists, rights, and the desktop app. */

import { accessSync, constants, existsSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { isSystemError } from '../../base/system-error.ts';
import { linkedRootsPath, machinePath, stateFolder, userFolder } from '../../files/paths.ts';
import { isInside } from '../../files/private-folder.ts';
import {
  isLinkable,
  type LinkableRepository,
  linkFolder,
  projectLinkPath,
  resolveRepo,
  sessionsFolder,
} from '../../git/repository.ts';
import { readProjectLink } from '../../records/project-link.ts';
import { readRustRecords } from '../../records/rust-import.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { Finding } from './issues.ts';

export interface DoctorSource {
  env: NodeJS.ProcessEnv;
  now: number;
}

/**
 * Returns the folder in which the repository was before it moved. Returns undefined if it has not moved, or if it is a
 * copy of a linked repository.
 */
export async function findOldRoot(facts: LinkFacts, { env, now }: DoctorSource): Promise<string | undefined> {
  const { link, isLinkHere } = facts;
  if (link === undefined || isLinkHere) return undefined;
  const there = await resolveRepo(link.project_root, env);
  const isCopied = isLinkable(there) && readProjectLink(there, now)?.idea_id === link.idea_id;
  return isCopied ? undefined : link.project_root;
}

/** A link that a v0.4.4 client wrote is not on the list, so a runner with `--all-linked` does not work there. */
export async function listIssues(
  { link, repository, isLinkHere }: LinkFacts,
  { env }: DoctorSource,
): Promise<Finding[]> {
  if (link === undefined || !isLinkHere || !existsSync(linkedRootsPath(env))) return [];
  const { readLinkedRoots } = await import('../../records/linked-roots.ts');
  if (readLinkedRoots(env).includes(repository.root)) return [];
  const message = 'The repository is linked, but is not on the list of linked repositories (`--all-linked`).';
  return [{ severity: 'warning', code: 'linked_but_not_listed', message }];
}

/** Returns the records of the desktop app that contradict the records of `orp` or are missing there. */
export function desktopIssues({ repository, link, shelf }: LinkFacts, { now }: DoctorSource): Finding[] {
  if (!isLinkable(repository)) return [];
  const desktop = readRustRecords(repository, now);
  const said: string[] = [];
  if (desktop.link !== undefined && desktop.link.idea_id !== link?.idea_id) {
    said.push(
      `The desktop app links this repository to ${desktop.link.idea_id}, orp ${link === undefined ? 'does not link it' : `to ${link.idea_id}`}.`,
    );
  }
  for (const { orp_session_id: id, codex_session_id: codexId, archived } of desktop.records) {
    const here = shelf.sessions.find(({ record }) => record.orp_session_id === id)?.record;
    if (here === undefined) {
      if (!archived) said.push(`The desktop app has the session ${id}, which orp does not have.`);
    } else if (codexId !== undefined && here.codex_session_id !== codexId) {
      const other = here.codex_session_id ?? 'none';
      said.push(`Session ${id} is the Codex session ${codexId} in the desktop app, and ${other} here.`);
    }
  }
  const path = join('.orp', 'project.json');
  return said.map((message) => ({ severity: 'warning', code: 'desktop_records_differ', message, path }));
}

/** A file or folder of `orp` that this user cannot read or write, for example after a command with `sudo`. */
export interface BlockedPath {
  path: string;
  why: 'permissions' | 'owner' | 'disk';
  /** The permissions with which its owner can use it. */
  mode: number;
}

/** Looks at the rights, not at what this process may do: root may do everything. */
export function findBlockedPaths({ repository, shelf }: LinkFacts, { env }: DoctorSource): BlockedPath[] {
  const inRepository = isLinkable(repository) ? pathsOf(repository, shelf.sessions) : [];
  const paths = [userFolder(env), machinePath(env), stateFolder(env), linkedRootsPath(env), ...inRepository];
  const blocked = paths.flatMap((path) => findBlocked(path) ?? []);
  // The folder says enough for everything in it.
  const folders = blocked.filter(({ why }) => why === 'disk').map(({ path }) => path);
  const isTold = (path: string) => folders.some((folder) => folder !== path && isInside(folder, path));
  return blocked.filter(({ why, path }) => why !== 'disk' || !isTold(path));
}

function findBlocked(path: string): BlockedPath | undefined {
  const found = look(path);
  if (found === undefined) return undefined;
  const isOwn = process.getuid === undefined || found.uid === process.getuid();
  const needed = found.isDirectory() ? 0o700 : 0o600;
  const mode = (found.mode & 0o777) | needed;
  const problem = problemOf(path);
  if (problem === 'EROFS') return { path, why: 'disk', mode };
  if (isOwn) return (found.mode & needed) === needed ? undefined : { path, why: 'permissions', mode };
  return problem === undefined ? undefined : { path, why: 'owner', mode };
}

function pathsOf(repository: LinkableRepository, sessions: readonly { path: string }[]): string[] {
  return [
    linkFolder(repository),
    projectLinkPath(repository),
    sessionsFolder(repository),
    ...sessions.map(({ path }) => path),
  ];
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Its folder is the problem, which is named itself.
    return undefined;
  }
}

/** The code of the error when this process cannot read and write a path. */
function problemOf(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return isSystemError(error) ? error.code : 'unknown';
  }
}

const WHY: Record<BlockedPath['why'], string> = {
  permissions: 'Its permissions forbid it.',
  owner: 'It belongs to another user.',
  disk: 'Its disk is read-only.',
};

export function rightsIssues(blocked: readonly BlockedPath[]): Finding[] {
  return blocked.map(({ path, why }) => {
    const message = `You cannot ${why === 'disk' ? '' : 'read and '}write ${path}. ${WHY[why]}`;
    return { severity: 'error', code: 'path_not_accessible', message, path };
  });
}
