/** `link doctor`: finds problems with the links of a repository. */

import { isActive } from '../../../spec/local/session-order.ts';
import { displayPath } from '../../files/paths.ts';
import { isLinkable, type LinkableRepository, projectLinkPath, runtimePath } from '../../git/repository.ts';
import { readRuntime } from '../../records/runtime-record.ts';
import { whyNotDriven } from '../../records/sessions/session-record.ts';
import { closeFolderCommand, type LinkFacts, openFolderSentence } from '../link-facts.ts';
import { remoteFacts } from '../link-status.ts';
import type { DoctorCode } from './remedies.ts';

/** A problem. */
export interface Finding {
  severity: 'error' | 'warning';
  code: DoctorCode;
  message: string;
  path?: string;
}

type Told = Omit<Finding, 'severity'>;

/**
 * Lists all issues, in the order of the checks.
 *
 * @param lost why the repository takes no jobs, although it is on the list of linked repositories
 */
export function findIssues(facts: LinkFacts, lost?: string): Finding[] {
  const { repository } = facts;
  const lostLink = lost === undefined ? [] : [warning({ code: 'listed_but_not_linked', message: lost })];
  if (!isLinkable(repository)) {
    return [
      error({ code: 'missing_git_repo', message: `${repository.root} is not inside a git work tree.` }),
      ...lostLink,
      ...worldIssues(facts),
      ...folderIssues(facts),
      ...agentIssues(facts),
    ];
  }
  return [
    ...linkIssues(facts, repository),
    ...lostLink,
    ...sessionIssues(facts, repository),
    ...runtimeIssues(repository),
    ...worldIssues(facts),
    ...folderIssues(facts),
    ...agentIssues(facts),
  ];
}

function folderIssues({ openFolders }: LinkFacts): Finding[] {
  return openFolders.map((folder) => {
    const message = `${openFolderSentence(folder)} Run \`${closeFolderCommand(folder)}\`.`;
    return warning({ code: 'folder_open_to_others', message, path: folder.path });
  });
}

function agentIssues({ agentProblem }: LinkFacts): Finding[] {
  if (agentProblem === undefined) return [];
  const { code, message, command } = agentProblem;
  return [warning({ code, message: `${message} Run \`${command}\`.` })];
}

function error(told: Told): Finding {
  return { severity: 'error', ...told };
}

function warning(told: Told): Finding {
  return { severity: 'warning', ...told };
}

function linkIssues(facts: LinkFacts, repository: LinkableRepository): Finding[] {
  const { link, linkFile, shelf, account, isAccountTorn } = facts;
  const path = displayPath(repository.root, projectLinkPath(repository));
  const issues: Finding[] = [];
  if (linkFile.kind === 'invalid') {
    issues.push(
      error({
        code: 'invalid_project_link_record',
        message: 'The project link is not a valid record.',
        path,
      }),
    );
  }
  if (isAccountTorn) {
    const message = 'Could not read the sign-in file: it is not a JSON object.';
    issues.push(warning({ code: 'invalid_sign_in_record', message }));
  }
  if (link === undefined) {
    if (shelf.sessions.length > 0) {
      const message = 'Sessions are linked, but the repository is not.';
      issues.push(warning({ code: 'sessions_without_project_link', message }));
    }
    return issues;
  }
  if (link.project_root !== repository.root) {
    const message = `The link is for ${link.project_root}, not for ${repository.root}.`;
    issues.push(warning({ code: 'project_root_mismatch', message, path }));
  }
  if (account.token === '' && !isAccountTorn) {
    const message = 'The repository is linked, but hosted auth is not connected: you are not signed in.';
    issues.push(warning({ code: 'missing_hosted_auth', message }));
  }
  if (link.linked_email && account.email && link.linked_email.toLowerCase() !== account.email.toLowerCase()) {
    const message = `${link.linked_email} linked the repository, but you are ${account.email}. Syncs skip it.`;
    issues.push(warning({ code: 'linked_email_mismatch', message, path }));
  }
  if (shelf.sessions.length === 0) {
    const message = 'The repository is linked, but has no sessions.';
    issues.push(warning({ code: 'linked_project_without_sessions', message }));
  }
  return issues;
}

function sessionIssues(facts: LinkFacts, repository: LinkableRepository): Finding[] {
  const { sessions, invalidPaths } = facts.shelf;
  const issues: Finding[] = [];
  const primaries = sessions.filter(({ record }) => record.primary);
  if (primaries.length > 1) {
    const message = `${primaries.length} sessions are marked as primary.`;
    issues.push(error({ code: 'multiple_primary_sessions', message }));
  }
  if (sessions.length > 0 && primaries.length === 0) {
    issues.push(warning({ code: 'missing_primary_session', message: 'No session is marked as primary.' }));
  }
  for (const invalid of invalidPaths) {
    const message = 'The file is not a session record: it is not JSON, or has no id or label.';
    const path = displayPath(repository.root, invalid);
    issues.push(error({ code: 'invalid_session_link_record', message, path }));
  }
  return [...issues, ...singleSessionIssues(facts, repository)];
}

function singleSessionIssues(facts: LinkFacts, repository: LinkableRepository): Finding[] {
  const issues: Finding[] = [];
  const byCodexId = new Map<string, string>();
  for (const { record, path: file } of facts.shelf.sessions) {
    const path = displayPath(repository.root, file);
    const { orp_session_id: id, codex_session_id: codexId } = record;
    if (record.project_root !== repository.root) {
      const message = `Session ${id} works in ${record.project_root}, not in ${repository.root}.`;
      issues.push(warning({ code: 'session_project_root_mismatch', message, path }));
    }
    const notDriven = whyNotDriven(record);
    if (isActive(record) && notDriven !== undefined) {
      issues.push(warning({ code: 'unknown_agent', message: notDriven, path }));
      continue;
    }
    if (isActive(record) && codexId === undefined) {
      const message = `Session ${id} has no Codex session id and cannot take jobs.`;
      issues.push(warning({ code: 'missing_codex_session_id', message, path }));
    }
    if (!isActive(record) || codexId === undefined) continue;
    const other = byCodexId.get(codexId);
    if (other !== undefined) {
      const message = `Sessions ${other} and ${id} share the Codex session ${codexId}.`;
      issues.push(warning({ code: 'duplicate_codex_session_id', message, path }));
    }
    byCodexId.set(codexId, id);
  }
  return issues;
}

function runtimeIssues(repository: LinkableRepository): Finding[] {
  if (!readRuntime(repository).isTorn) return [];
  const message = 'Could not read the runtime file, so the last activity of the runner is unknown.';
  const path = displayPath(repository.root, runtimePath(repository));
  return [warning({ code: 'invalid_runtime_record', message, path })];
}

function goneWorld(link: LinkFacts['link']): Finding {
  const message = `The server does not have the idea ${link?.idea_id ?? ''} with its world any more, or it belongs to another account. Its jobs cannot reach this repository.`;
  return warning({ code: 'hosted_world_deleted', message });
}

function worldIssues({ world, link }: LinkFacts): Finding[] {
  if (world.kind === 'failed') {
    const message = `Could not read the world from the server: ${world.error}`;
    const unavailable = warning({ code: 'hosted_world_unavailable', message });
    return world.isGone ? [unavailable, goneWorld(link)] : [unavailable];
  }
  if (world.kind !== 'known' || link === undefined) return [];
  const remote = remoteFacts(world.world);
  if (remote.id === undefined && link.world_id !== undefined) return [goneWorld(link)];
  const issues: Finding[] = [];
  if (remote.projectRoot !== undefined && remote.projectRoot !== link.project_root) {
    const message = `The world on the server names ${remote.projectRoot}, but this link names ${link.project_root}.`;
    issues.push(warning({ code: 'hosted_world_project_root_mismatch', message }));
  }
  if (remote.id !== undefined && link.world_id !== undefined && remote.id !== link.world_id) {
    const message = `The world on the server is ${remote.id}, but this link has ${link.world_id}.`;
    issues.push(warning({ code: 'hosted_world_id_mismatch', message }));
  }
  return issues;
}
