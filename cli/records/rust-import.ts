/**
 * Imports the records of the Rust desktop app, without changing its files. Running it again gives the same result.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sortSessions } from '../../spec/local/session-order.ts';
import { CliError } from '../base/exit.ts';
import { readString } from '../files/fields.ts';
import { isMissing, isObject, type JsonObject, readJsonFile, readJsonObject } from '../files/json-file.ts';
import type { LinkableRepository } from '../git/repository.ts';
import { normaliseProjectLink, type ProjectLink, writeProjectLink } from './project-link.ts';
import { normaliseSession, type SessionRecord } from './sessions/session-record.ts';
import { type StoredSession, sessionPath, updateSessions } from './sessions/sessions.ts';

const REMARK = 'Imported from the Rust desktop app.';

export interface RustImport {
  link: ProjectLink | undefined;
  imported: StoredSession[];
  /** All sessions afterwards, in list order. */
  sessions: StoredSession[];
  projectPath: string;
  sessionsFolder: string;
  ignoredCodexIds: string[];
  /** Files that are unreadable or lack an id or a label. */
  skippedPaths: string[];
}

/** Returns the records of the desktop app in the form of `orp`. The result is empty if the app has no records. */
export function readRustRecords(
  repository: LinkableRepository,
  now: number,
): { link: ProjectLink | undefined; records: SessionRecord[] } {
  const folder = join(repository.root, '.orp');
  const project = readJsonObject(join(folder, 'project.json')) ?? {};
  const defaults = { root: repository.root, now };
  return {
    link: readRustProject(project, repository, now),
    records: readRustSessions(join(folder, 'sessions'), project, defaults).records,
  };
}

/** Imports project and sessions into the link state. */
export async function importFromRust(repository: LinkableRepository, now: number): Promise<RustImport> {
  const folder = join(repository.root, '.orp');
  const projectPath = join(folder, 'project.json');
  const sessionsFolder = join(folder, 'sessions');
  const project = readJsonObject(projectPath) ?? {};
  if (Object.keys(project).length === 0 && !isFolder(sessionsFolder)) {
    throw new CliError(`Nothing to import: neither ${projectPath} nor ${sessionsFolder} exists.`, {
      code: 'nothing_to_import',
      hint: 'Open the repository in the desktop app once, or run `orp link project bind --idea-id <idea-id>`.',
    });
  }
  const link = readRustProject(project, repository, now);
  if (link !== undefined) await writeProjectLink(repository, link, now);
  const { records, skippedPaths } = readRustSessions(sessionsFolder, project, { root: repository.root, now });
  const imported = records.map((record) => ({
    record,
    path: sessionPath(repository, record.orp_session_id),
  }));
  const primaryId = choosePrimaryId(project, records);
  const sessions = await updateSessions(repository, now, (stored) =>
    mergeImported(stored, imported, primaryId),
  );
  const importedIds = new Set(records.map((record) => record.orp_session_id));
  return {
    link,
    imported: sessions.filter(({ record }) => importedIds.has(record.orp_session_id)),
    sessions,
    projectPath,
    sessionsFolder,
    ignoredCodexIds: stringsOf(project.ignored_codex_session_ids),
    skippedPaths,
  };
}

function readRustProject(
  project: JsonObject,
  repository: LinkableRepository,
  now: number,
): ProjectLink | undefined {
  const hosted = isObject(project.hosted_link) ? project.hosted_link : {};
  const defaults = { root: repository.root, now };
  return normaliseProjectLink(
    {
      idea_id: readString(hosted, 'idea_id', 'ideaId'),
      idea_title: readString(hosted, 'idea_title', 'ideaTitle'),
      world_id: readString(hosted, 'world_id', 'worldId'),
      world_name: readString(hosted, 'world_name', 'worldName'),
      linked_at_utc: readString(hosted, 'linked_at', 'linkedAt'),
      linked_email: readString(hosted, 'linked_email', 'linkedEmail'),
      project_root: readString(project, 'project_path', 'projectPath'),
      github_url: readString(project, 'github_remote', 'githubRemote'),
      notes: REMARK,
      source: 'import-rust',
    },
    defaults,
  );
}

function readRustSessions(
  folder: string,
  project: JsonObject,
  defaults: { root: string; now: number },
): { records: SessionRecord[]; skippedPaths: string[] } {
  const archivedIds = new Set(stringsOf(project.archived_session_ids));
  const archivedCodexIds = new Set(stringsOf(project.archived_codex_session_ids));
  const records: SessionRecord[] = [];
  const skippedPaths: string[] = [];
  for (const name of jsonNames(folder)) {
    const path = join(folder, name);
    const file = readJsonFile(path);
    const source = file.kind === 'read' ? rustFields(file.value) : {};
    const record = normaliseSession(source, defaults);
    if (record === undefined) {
      skippedPaths.push(path);
      continue;
    }
    const archived =
      archivedIds.has(record.orp_session_id) || archivedCodexIds.has(record.codex_session_id ?? '');
    records.push({ ...record, archived, primary: false });
  }
  return { records: distinctById(records), skippedPaths };
}

/** Imports only the documented fields. Roles in the desktop app have another meaning. */
function rustFields(source: JsonObject): JsonObject {
  return {
    orp_session_id: readString(source, 'session_id', 'sessionId'),
    label: source.label,
    state: source.state,
    project_root: readString(source, 'project_path', 'projectPath'),
    codex_session_id: readString(source, 'codex_session_id', 'codexSessionId'),
    terminal_target: source.terminal_target ?? source.terminalTarget,
    created_at_utc: readString(source, 'created_at', 'createdAt'),
    last_active_at_utc: readString(source, 'last_active_at', 'lastActiveAt'),
    source: 'import-rust',
    notes: REMARK,
  };
}

/** If two files have the same id, the later file name wins. */
function distinctById(records: readonly SessionRecord[]): SessionRecord[] {
  return [...new Map(records.map((record) => [record.orp_session_id, record])).values()];
}

function choosePrimaryId(project: JsonObject, records: readonly SessionRecord[]): string | undefined {
  const open = sortSessions(records.filter((record) => !record.archived));
  const ids = open.map((record) => record.orp_session_id);
  return stringsOf(project.session_order).find((id) => ids.includes(id)) ?? ids[0];
}

function mergeImported(
  stored: readonly StoredSession[],
  imported: readonly StoredSession[],
  primaryId: string | undefined,
): StoredSession[] {
  const importedIds = new Set(imported.map(({ record }) => record.orp_session_id));
  const older = stored.filter(({ record }) => !importedIds.has(record.orp_session_id));
  return [...older, ...imported].map(({ record, path }) => ({
    path,
    record: {
      ...record,
      primary: primaryId === undefined ? record.primary : record.orp_session_id === primaryId,
    },
  }));
}

function jsonNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function stringsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [])
    .filter((item) => typeof item === 'string')
    .map((item) => item.trim());
}
