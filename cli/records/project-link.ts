/** `LINK/project.json`: the idea a repository is linked to. */

import { rmSync } from 'node:fs';
import type { LinkProject } from '../../spec/local/link-project.ts';
import { LINK_SOURCES, SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { CliError } from '../base/exit.ts';
import { compact, readPath, readString, readTimestamp } from '../files/fields.ts';
import { type JsonObject, readJsonFile, setAside, writeJsonFile } from '../files/json-file.ts';
import { withLock } from '../files/lock.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { stripCredentials } from '../git/git-remote.ts';
import type { LinkableRepository } from '../git/repository.ts';
import { linkFolder, projectLinkPath } from '../git/repository.ts';

/** A record from a file. An unknown source is kept for display and becomes `cli` on the next write. */
export type ProjectLink = Omit<LinkProject, 'source'> & { source?: string | undefined };

/** The contents of the file. `invalid`: the file exists but has no valid record. */
export type ProjectLinkFile =
  | { kind: 'absent' }
  | { kind: 'invalid' }
  | { kind: 'linked'; link: ProjectLink };

/** Rebuilds a record from a file or another program. Returns undefined if it names no idea. */
export function normaliseProjectLink(
  record: JsonObject,
  defaults: { root: string; now: number },
): ProjectLink | undefined {
  const ideaId = readString(record, 'idea_id', 'ideaId');
  if (ideaId === undefined) return undefined;
  const githubUrl = readString(record, 'github_url', 'githubUrl');
  return compact<ProjectLink>({
    schema_version: SCHEMA_VERSION,
    idea_id: ideaId,
    project_root: readPath(record, defaults.root, ['project_root', 'projectRoot']),
    linked_at_utc:
      readTimestamp(record, 'linked_at_utc', 'linkedAt', 'linked_at') ?? formatTimestamp(defaults.now),
    idea_title: readString(record, 'idea_title', 'ideaTitle'),
    world_id: readString(record, 'world_id', 'worldId'),
    world_name: readString(record, 'world_name', 'worldName', 'name'),
    github_url: githubUrl === undefined ? undefined : stripCredentials(githubUrl),
    linked_email: readString(record, 'linked_email', 'linkedEmail'),
    notes: readString(record, 'notes'),
    source: readString(record, 'source'),
  });
}

/** Reads the link of a repository. Distinguishes an invalid file from a missing one. */
export function readProjectLinkFile(repository: LinkableRepository, now: number): ProjectLinkFile {
  const file = readJsonFile(projectLinkPath(repository));
  if (file.kind === 'absent') return file;
  const defaults = { root: repository.root, now };
  const link = file.kind === 'read' ? normaliseProjectLink(file.value, defaults) : undefined;
  return link === undefined ? { kind: 'invalid' } : { kind: 'linked', link };
}

/** The link of a repository, if it is valid. */
export function readProjectLink(repository: LinkableRepository, now: number): ProjectLink | undefined {
  const file = readProjectLinkFile(repository, now);
  return file.kind === 'linked' ? file.link : undefined;
}

/** Throws unless the repository is linked. */
export function requireProjectLink(repository: LinkableRepository, now: number): ProjectLink {
  const file = readProjectLinkFile(repository, now);
  if (file.kind === 'linked') return file.link;
  if (file.kind === 'invalid') throw invalidLink(repository);
  throw new CliError(`The repository ${repository.root} is not linked to an idea.`, {
    code: 'not_linked',
    hint: 'Run `orp link project bind --idea-id <idea-id>`; `orp ideas list` shows your ideas.',
  });
}

/**
 * The link file exists but is unreadable. It stays in place until the next bind: if a reader moved it away, the next reader
 * would see an unlinked repository.
 */
export function invalidLink(repository: LinkableRepository): CliError {
  return new CliError(
    `Could not read the project link ${projectLinkPath(repository)}: it is not a valid record.`,
    {
      code: 'torn_state',
      hint: 'Run `orp link project bind --idea-id <idea-id>`. It links the repository again and keeps the unreadable file.',
    },
  );
}

/** Writes the link. Moves an invalid file aside first. */
export async function writeProjectLink(
  repository: LinkableRepository,
  link: ProjectLink,
  now: number,
): Promise<LinkProject> {
  const record: LinkProject = {
    ...link,
    source: LINK_SOURCES.find((source) => source === link.source) ?? 'cli',
  };
  const path = projectLinkPath(repository);
  await withLock(linkFolder(repository), () => {
    if (readProjectLinkFile(repository, now).kind === 'invalid') setAside(path, now);
    writeJsonFile(path, record);
  });
  return record;
}

/** Removes the link, also an invalid one, and returns it. */
export function removeProjectLink(
  repository: LinkableRepository,
  now: number,
): Promise<{ existed: boolean; link: ProjectLink | undefined }> {
  return withLock(linkFolder(repository), () => {
    const file = readProjectLinkFile(repository, now);
    rmSync(projectLinkPath(repository), { force: true });
    return { existed: file.kind !== 'absent', link: file.kind === 'linked' ? file.link : undefined };
  });
}
