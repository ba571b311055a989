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

/** A record as it was read: an unrecognised source is shown as it is, and becomes `cli` when written. */
export type ProjectLink = Omit<LinkProject, 'source'> & { source?: string | undefined };

/** What stands in the file. `invalid`: something is there, but not a valid record. */
export type ProjectLinkFile =
  | { kind: 'absent' }
  | { kind: 'invalid' }
  | { kind: 'linked'; link: ProjectLink };

/** Rebuilds a record from what a file or another program holds; undefined without an idea. */
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

/** Reads the link of a repository, and tells a broken file from a missing one. */
export function readProjectLinkFile(repository: LinkableRepository, now: number): ProjectLinkFile {
  const file = readJsonFile(projectLinkPath(repository));
  if (file.kind === 'absent') return file;
  const defaults = { root: repository.root, now };
  const link = file.kind === 'read' ? normaliseProjectLink(file.value, defaults) : undefined;
  return link === undefined ? { kind: 'invalid' } : { kind: 'linked', link };
}

/** The valid link of a repository, if it has one. */
export function readProjectLink(repository: LinkableRepository, now: number): ProjectLink | undefined {
  const file = readProjectLinkFile(repository, now);
  return file.kind === 'linked' ? file.link : undefined;
}

/** The precondition LINKED. */
export function requireProjectLink(repository: LinkableRepository, now: number): ProjectLink {
  const file = readProjectLinkFile(repository, now);
  if (file.kind === 'linked') return file.link;
  if (file.kind === 'invalid') throw invalidLink(repository);
  throw new CliError(`The repository ${repository.root} is not linked to an idea.`, {
    code: 'not_linked',
    hint: 'Run `orp link project bind --idea-id <idea-id>`; `orp ideas list` shows the ideas.',
  });
}

/**
 * The link is there, and nobody can read it. It stays where it is until somebody binds again: moved out of the way by a
 * reader, it would look like no link at all to the next one.
 */
export function invalidLink(repository: LinkableRepository): CliError {
  return new CliError(
    `The project link ${projectLinkPath(repository)} cannot be read: it is no valid record.`,
    {
      code: 'torn_state',
      hint: 'Run `orp link project bind --idea-id <idea-id>`; it links the repository again and keeps the unreadable file beside the new one.',
    },
  );
}

/** Writes the link. What stood there and was no link is kept beside it. */
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

/** Removes the link, also an invalid one; says what it was. */
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
