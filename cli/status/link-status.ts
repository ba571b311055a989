/** The document of `link status`. */

import { countSessions, isActive, isRouteable, type SessionCounts } from '../../spec/local/session-order.ts';
import { shellWord } from '../base/shell-word.ts';
import { readString } from '../files/fields.ts';
import type { JsonObject } from '../files/json-file.ts';
import { displayPath } from '../files/paths.ts';
import { isLinkable, projectLinkPath } from '../git/repository.ts';
import {
  AdviceCollector,
  type AdviceLists,
  bindCommand,
  COMMANDS,
  registerCommand,
  setPrimaryCommand,
  signInCommand,
} from '../output/advice.ts';
import { invalidLink } from '../records/project-link.ts';
import { whyNotDriven } from '../records/sessions/session-record.ts';
import { type ShownSession, showSession } from '../records/sessions/shown-session.ts';
import { type SessionSummary, summariseSession } from '../records/sign-in-record.ts';
import { closeFolderCommand, type LinkFacts, openFolderSentence } from './link-facts.ts';

export interface LinkStatus extends AdviceLists {
  ok: true;
  repo_root: string;
  project_link_path: string;
  project_link_exists: boolean;
  project_link: object;
  sessions: ShownSession[];
  session_counts: SessionCounts;
  primary_session: ShownSession | object;
  routeable_sessions: ShownSession[];
  routing_ready: boolean;
  hosted_auth: SessionSummary;
  hosted_world: JsonObject;
  hosted_world_error: string;
  governance: JsonObject;
}

/** Builds the document. */
export function buildLinkStatus(facts: LinkFacts): LinkStatus {
  const { repository, link, shelf, primary, account, world } = facts;
  const sessions = shelf.sessions.map((session) => showSession(repository.root, session));
  const routeable = shelf.sessions
    .filter(({ record, path }) => isRouteable(record) && !facts.movedSessions.has(path))
    .map((session) => showSession(repository.root, session));
  const { warnings, notes, next_actions } = adviceOn(facts).lists();
  return {
    ok: true,
    repo_root: repository.root,
    project_link_path: isLinkable(repository)
      ? displayPath(repository.root, projectLinkPath(repository))
      : '',
    project_link_exists: link !== undefined,
    project_link: link ?? {},
    sessions,
    session_counts: { ...countSessions(sessions), routeable: routeable.length },
    primary_session: primary === undefined ? {} : showSession(repository.root, primary),
    routeable_sessions: routeable,
    routing_ready: link !== undefined && facts.isLinkHere && primary !== undefined && routeable.length > 0,
    hosted_auth: summariseSession(account),
    hosted_world: world.kind === 'known' ? world.world : {},
    hosted_world_error: world.kind === 'failed' ? world.error : '',
    governance: facts.governance,
    warnings,
    notes,
    next_actions,
  };
}

function adviceOn(facts: LinkFacts): AdviceCollector {
  const advice = new AdviceCollector();
  for (const warning of textsOf(facts.governance.warnings)) advice.warn(warning);
  adviseOnLink(facts, advice);
  adviseOnSessions(facts, advice);
  adviseOnWorld(facts, advice);
  const { agentProblem } = facts;
  if (agentProblem !== undefined) advice.warn(agentProblem.message, agentProblem.command);
  for (const folder of facts.openFolders) advice.warn(openFolderSentence(folder), closeFolderCommand(folder));
  return advice;
}

function adviseOnLink(facts: LinkFacts, advice: AdviceCollector): void {
  const { repository, link, linkFile, account, isAccountTorn } = facts;
  if (!isLinkable(repository)) {
    advice.warn(`No git repository at ${repository.root}.`, COMMANDS.init);
    return;
  }
  if (linkFile.kind === 'invalid') {
    advice.warn(invalidLink(repository).message, bindCommand());
  } else if (link === undefined) {
    advice.warn('The repository is not linked to an idea.', bindCommand());
  } else if (link.project_root !== repository.root) {
    advice.warn(
      `The link is for ${link.project_root}, not for ${repository.root}.`,
      // In a copy of the linked repository, it changes nothing, and says which command helps.
      facts.isLinkHere ? undefined : 'orp link doctor --fix',
    );
  }
  if (isAccountTorn) {
    advice.warn('Could not read the sign-in file: it is not a JSON object.', signInCommand(account));
  } else if (link !== undefined && account.token === '') {
    advice.warn(
      'The repository is linked, but hosted auth is not connected: you are not signed in.',
      signInCommand(account),
    );
  }
}

function adviseOnSessions(facts: LinkFacts, advice: AdviceCollector): void {
  const { repository, shelf, primary, world } = facts;
  if (!isLinkable(repository)) return;
  if (shelf.sessions.length === 0) {
    advice.warn(
      'No session is linked.',
      registerCommand({ codexSessionId: codexSessionOf(world), isPrimary: true }),
    );
  } else if (primary === undefined) {
    advice.warn(
      'No session is marked as primary.',
      setPrimaryCommand(shelf.sessions.map(({ record }) => record)),
    );
  } else if (primary.record.codex_session_id === undefined && whyNotDriven(primary.record) === undefined) {
    const { orp_session_id: id, label } = primary.record;
    advice.warn(
      `The primary session ${id} has no Codex session id and cannot take jobs.`,
      registerCommand({ id, label, codexSessionId: codexSessionOf(world) }),
    );
  }
  for (const { record } of shelf.sessions.filter((session) => isActive(session.record))) {
    const notDriven = whyNotDriven(record);
    if (notDriven !== undefined) advice.warn(notDriven);
  }
  for (const { record, path } of shelf.sessions) {
    if (!facts.movedSessions.has(path)) continue;
    const { orp_session_id: id, label, project_root } = record;
    advice.warn(
      `Session ${id} belongs to ${project_root}, not to this repository. It takes no jobs.`,
      facts.isLinkHere
        ? `orp link session register --orp-session-id ${shellWord(id)} --label ${shellWord(label)}`
        : undefined,
    );
  }
  for (const path of shelf.invalidPaths) {
    advice.warn(`Ignored ${displayPath(repository.root, path)}: it is not a valid session record.`);
  }
}

/** The session that the world on the server names, if known. */
function codexSessionOf(world: LinkFacts['world']): string | undefined {
  return world.kind === 'known' ? remoteFacts(world.world).codexSessionId : undefined;
}

function adviseOnWorld(facts: LinkFacts, advice: AdviceCollector): void {
  const { link, primary, world } = facts;
  if (world.kind === 'failed') advice.warn(`Could not read the world from the server: ${world.error}`);
  if (world.kind !== 'known' || link === undefined) return;
  const remote = remoteFacts(world.world);
  const codexId = primary?.record.codex_session_id;
  if (remote.projectRoot !== undefined && remote.projectRoot !== link.project_root) {
    advice.warn(
      `The world on the server names ${remote.projectRoot}, but this link names ${link.project_root}.`,
    );
  }
  if (remote.codexSessionId !== undefined && codexId !== undefined && remote.codexSessionId !== codexId) {
    advice.warn(
      `The world on the server names the Codex session ${remote.codexSessionId}, but the primary session is ${codexId}.`,
    );
  }
  if (remote.id !== undefined && link.world_id !== undefined && remote.id !== link.world_id) {
    advice.warn(`The world on the server is ${remote.id}, but this link has ${link.world_id}.`);
  }
}

/** The fields of the world that a link can contradict. */
export function remoteFacts(world: JsonObject) {
  return {
    id: readString(world, 'id'),
    projectRoot: readString(world, 'projectRoot'),
    codexSessionId: readString(world, 'codexSessionId'),
  };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
