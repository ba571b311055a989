/** The repairs of `link doctor --fix`: only what loses nothing. Each says what it did. */

import { chmodSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setAside } from '../../files/json-file.ts';
import { displayPath } from '../../files/paths.ts';
import { isInside } from '../../files/private-folder.ts';
import { isLinkable, type LinkableRepository, runtimePath } from '../../git/repository.ts';
import { type ProjectLink, writeProjectLink } from '../../records/project-link.ts';
import type { SessionRecord } from '../../records/sessions/session-record.ts';
import { primaryOf, updateSessions } from '../../records/sessions/sessions.ts';
import type { LinkFacts } from '../link-facts.ts';
import type { BlockedPath, DoctorSource } from './record-issues.ts';
import type { DoctorCode } from './remedies.ts';

export interface Repair {
  code: DoctorCode;
  /** The file or folder of the issue. If absent, the repair is for all issues with this code. */
  path?: string;
  /** Makes the repair, and returns a sentence about it. */
  run(): Promise<string>;
}

export interface RepairFacts extends DoctorSource {
  facts: LinkFacts;
  /** The folder of the repository before it moved. */
  oldRoot: string | undefined;
  blocked: readonly BlockedPath[];
}

/** The repairs for the problems that were found. */
export function findRepairs(codes: ReadonlySet<DoctorCode>, source: RepairFacts): Repair[] {
  const { facts } = source;
  return [
    ...rightsRepairs(source),
    ...(isLinkable(facts.repository) ? recordRepairs(source, facts.repository) : []),
  ].filter(({ code }) => codes.has(code));
}

function rightsRepairs({ facts, blocked }: RepairFacts): Repair[] {
  return [
    ...blocked
      .filter(({ why }) => why === 'permissions')
      .map(
        ({ path, mode }): Repair => ({
          code: 'path_not_accessible',
          path,
          run: async () => {
            chmodSync(path, mode);
            return `You can read and write ${path} again.`;
          },
        }),
      ),
    ...facts.openFolders.map(
      ({ path }): Repair => ({
        code: 'folder_open_to_others',
        path,
        run: async () => {
          chmodSync(path, 0o700);
          return `Made ${path} private.`;
        },
      }),
    ),
  ];
}

function recordRepairs(source: RepairFacts, repository: LinkableRepository): Repair[] {
  const { facts, env, now, oldRoot } = source;
  const { link, shelf } = facts;
  const repairs: Repair[] = [];
  for (const path of shelf.invalidPaths) {
    repairs.push({
      code: 'invalid_session_link_record',
      path: displayPath(repository.root, path),
      run: async () => `Moved the unreadable session file to ${setAside(path, now)}.`,
    });
  }
  repairs.push({
    code: 'invalid_runtime_record',
    run: async () => `Moved the unreadable runtime file to ${setAside(runtimePath(repository), now)}.`,
  });
  if (link !== undefined && oldRoot !== undefined) {
    repairs.push({
      code: 'project_root_mismatch',
      run: () => moveLink(repository, { link, oldRoot, env, now }),
    });
  }
  const lost = lostSessions(source);
  if (lost.size > 0) {
    repairs.push({
      code: 'session_project_root_mismatch',
      run: () => moveSessions(repository, { paths: lost, oldRoot, now }),
    });
  }
  for (const code of ['multiple_primary_sessions', 'missing_primary_session'] as const) {
    repairs.push({ code, run: () => choosePrimary(repository, now) });
  }
  repairs.push({
    code: 'linked_but_not_listed',
    run: async () => {
      const { rememberRoot } = await import('../../records/linked-roots.ts');
      await rememberRoot(env, repository.root);
      return 'Added the repository to the list of linked repositories.';
    },
  });
  return repairs;
}

interface Move {
  link: ProjectLink;
  oldRoot: string;
  env: NodeJS.ProcessEnv;
  now: number;
}

async function moveLink(repository: LinkableRepository, { link, oldRoot, env, now }: Move): Promise<string> {
  const { root } = repository;
  await writeProjectLink(repository, { ...link, project_root: root }, now);
  const { forgetRoots, rememberRoot } = await import('../../records/linked-roots.ts');
  await rememberRoot(env, root);
  await forgetRoots(env, [oldRoot]);
  return `The link names ${root} now (it was ${oldRoot}).`;
}

/**
 * Returns the sessions of the old folder and of folders that no longer exist. A session of an existing folder may be
 * correct.
 */
function lostSessions({ facts, oldRoot }: RepairFacts): Set<string> {
  const isLost = ({ project_root: folder }: SessionRecord) =>
    !existsSync(folder) || folder === oldRoot || (oldRoot !== undefined && isInside(oldRoot, folder));
  return new Set(
    facts.shelf.sessions
      .filter(({ record, path }) => facts.movedSessions.has(path) && isLost(record))
      .map(({ path }) => path),
  );
}

async function moveSessions(
  repository: LinkableRepository,
  lost: { paths: ReadonlySet<string>; oldRoot: string | undefined; now: number },
): Promise<string> {
  const { paths, oldRoot, now } = lost;
  const { root } = repository;
  const newFolder = (folder: string) => {
    const moved =
      oldRoot !== undefined && isInside(oldRoot, folder) ? join(root, relative(oldRoot, folder)) : root;
    return existsSync(moved) ? moved : root;
  };
  const names: string[] = [];
  await updateSessions(repository, now, (sessions) =>
    sessions.map((session) => {
      if (!paths.has(session.path)) return session;
      names.push(session.record.orp_session_id);
      const project_root = newFolder(session.record.project_root);
      return { ...session, record: { ...session.record, project_root } };
    }),
  );
  const [noun, verb] = names.length === 1 ? ['session', 'works'] : ['sessions', 'work'];
  return `The ${noun} ${names.join(', ')} ${verb} in this repository now.`;
}

async function choosePrimary(repository: LinkableRepository, now: number): Promise<string> {
  const primary = primaryOf(await updateSessions(repository, now, (sessions) => sessions));
  return primary === undefined
    ? 'No session can be the primary one: all are archived.'
    : `Session ${primary.record.orp_session_id} is the primary session.`;
}
