/** `orp link session …`. Changes local records only; the next sync sends them to the server. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_AGENT } from '../../spec/job/abilities.ts';
import { countSessions } from '../../spec/local/session-order.ts';
import { SESSION_ROLES, SESSION_STATES, type SessionRole } from '../../spec/local/vocabulary.ts';
import { CliError } from '../base/exit.ts';
import { wholeNumberOption } from '../base/whole-number.ts';
import { displayPath } from '../files/paths.ts';
import { requireGit } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { formatRows, printResult } from '../output/print.ts';
import {
  primaryOf,
  readSessions,
  requireSession,
  type SessionShelf,
  type StoredSession,
  updateSessions,
} from '../records/sessions/sessions.ts';
import { showSession } from '../records/sessions/shown-session.ts';
import { changing } from './changing.ts';
import type { RegisterOptions } from './link-session-register.ts';
import { sessionLines, sessionPage, sessionsPage, summary } from './session-output.ts';
import type { DiscoverOptions } from './session-picker.ts';
import { type Shell, withJson } from './shell.ts';

type SessionWork = (context: Context, id: string) => Promise<void>;

export function registerLinkSession(group: Command, shell: Shell): void {
  const session = group.command('session').description('link the agent sessions of this repository');
  addRegister(session, shell);

  withJson(
    session
      .command('discover')
      .description('list the agent sessions of this folder; on a terminal, choose one to link')
      .option('--all', 'sessions of all folders'),
  ).action((options: DiscoverOptions) =>
    shell.run(options, async (context) => (await import('./session-picker.ts')).discover(context, options)),
  );

  withJson(session.command('list').description('list the linked sessions')).action((options: CommonOptions) =>
    shell.run(options, list),
  );
  const addWithId = (name: string, description: string, work: SessionWork): void => {
    withJson(session.command(name).description(description).argument('<session-id>')).action(
      (id: string, options: CommonOptions) =>
        shell.run(options, (context) =>
          work === show ? work(context, id) : changing(context, () => work(context, id)),
        ),
    );
  };
  addWithId('show', 'show one session', show);
  addWithId('set-primary', 'make a session the default for jobs that name none', setPrimary);
  addWithId('archive', 'archive a session, so that it takes no jobs', (context, id) =>
    setArchived(context, id, true),
  );
  addWithId('unarchive', 'let an archived session take jobs again', (context, id) =>
    setArchived(context, id, false),
  );
  addWithId('remove', 'unlink a session; the Codex session itself is kept', remove);
  withJson(
    session.command('import-rust').description('import the project and sessions from the desktop app'),
  ).action((options: CommonOptions) =>
    shell.run(options, async (context) => {
      const { importRust } = await import('./link-import.ts');
      return changing(context, () => importRust(context));
    }),
  );
}

const ROLES = SESSION_ROLES.join(', ');

function parseRole(text: string): SessionRole | '' {
  const role = [...SESSION_ROLES, '' as const].find((known) => known === text);
  if (role !== undefined) return role;
  throw new InvalidArgumentError(`Allowed choices are ${ROLES}; an empty value removes it.`);
}

/** On a terminal, `register` without ids opens the list of `discover`. */
function addRegister(session: Command, shell: Shell): void {
  const { stdin, stdout, stderr } = shell.surroundings;
  const mayPick = stdin.isTTY === true && stdout.isTTY === true && stderr.isTTY === true;
  withJson(
    session
      .command('register')
      .description('link a session, or update its record')
      .addOption(new Option('--orp-session-id <id>', 'an id that you choose').makeOptionMandatory(!mayPick))
      .addOption(new Option('--label <label>', 'name to show').makeOptionMandatory(!mayPick))
      .option('--codex-session-id <id>', 'Codex session, required to take jobs; an empty value removes it')
      .option(
        '--agent <name>',
        `agent of the session (default: ${DEFAULT_AGENT}); --codex-session-id is its id there`,
      )
      .option('--project-root <path>', 'must be the repository root')
      .addOption(
        new Option('--state <state>', 'state (default: active, also for an existing session)').choices([
          ...SESSION_STATES,
        ]),
      )
      .option('--role <role>', `role to show: ${ROLES}; an empty value removes it`, parseRole)
      .option('--created-at <time>', 'when the session was created (ISO 8601)')
      .option('--last-active-at <time>', 'when the session was last active (ISO 8601)')
      .addOption(terminalOption('--window-id <number>', 'terminal window; requires --tab-number'))
      .addOption(terminalOption('--tab-number <number>', 'terminal tab; requires --window-id'))
      .option('--archived', 'archive the session')
      .option('--primary', 'make it the default for jobs that name no session')
      .option('--notes <text>', 'free text; an empty value removes it'),
  ).action((options: Partial<RegisterOptions>, command: Command) =>
    shell.run(options, async (context) => {
      const { orpSessionId, label, codexSessionId, json } = options;
      if (orpSessionId !== undefined && label !== undefined) {
        const { registerSession } = await import('./link-session-register.ts');
        return void (await changing(context, () =>
          registerSession(context, { ...options, orpSessionId, label }),
        ));
      }
      if (!json && orpSessionId === undefined && codexSessionId === undefined) {
        return (await import('./session-picker.ts')).registerPicked(context, options);
      }
      const missing = orpSessionId === undefined ? '--orp-session-id <id>' : '--label <label>';
      command.error(`error: required option '${missing}' not specified`);
    }),
  );
}

/** Any number is accepted, as in v0.4.4, because terminal programs number their windows differently. */
const MOST_WINDOWS = 999_999_999_999_999;

function terminalOption(flags: string, description: string): Option {
  return wholeNumberOption({ flags, description, min: -MOST_WINDOWS, max: MOST_WINDOWS });
}

async function list(context: Context): Promise<void> {
  const repository = await context.repository();
  const shelf =
    repository.gitDir === undefined
      ? { sessions: [], invalidPaths: [] }
      : readSessions(requireGit(repository), context.now());
  warnOfInvalid(context, repository.root, shelf);
  const sessions = shelf.sessions.map((session) => showSession(repository.root, session));
  const counts = countSessions(sessions);
  printResult(
    context,
    { ok: true, sessions, session_counts: counts },
    {
      lines: () =>
        formatRows(
          [['sessions.total', counts.total]],
          sessions.map((session) =>
            sessionLines(session, ['id', 'label', 'primary', 'archived', 'codex_session_id', 'path']),
          ),
        ),
      page: (columns) => sessionsPage(sessions, columns),
    },
  );
}

function warnOfInvalid(context: Context, root: string, shelf: SessionShelf): void {
  for (const path of shelf.invalidPaths) {
    context.warn(
      `Ignored ${displayPath(root, path)}: it is not a valid session record.`,
      'Run `orp link doctor` for details. Then register the session again, or remove the file.',
    );
  }
}

async function show(context: Context, id: string): Promise<void> {
  const repository = requireGit(await context.repository());
  const shelf = readSessions(repository, context.now());
  warnOfInvalid(context, repository.root, shelf);
  const found = requireSession(repository, shelf.sessions, id);
  const session = showSession(repository.root, found);
  printResult(
    context,
    { ok: true, session },
    {
      lines: sessionLines(session, [
        'id',
        'label',
        'state',
        'primary',
        'archived',
        'codex_session_id',
        'path',
      ]),
      page: () => sessionPage(session),
    },
  );
}

async function setPrimary(context: Context, id: string): Promise<void> {
  const repository = requireGit(await context.repository());
  const sessions = await updateSessions(repository, context.now(), (stored) => {
    const chosen = requireSession(repository, stored, id);
    if (chosen.record.archived) {
      throw new CliError(
        `Session ${chosen.record.orp_session_id} is archived and cannot be the primary session.`,
        {
          code: 'session_archived',
          hint: 'Run `orp link session unarchive` first, or choose another session.',
        },
      );
    }
    return stored.map(({ record, path }) => ({ path, record: { ...record, primary: path === chosen.path } }));
  });
  const { primary_session, session_counts } = summary(repository, sessions);
  const primary = primaryOf(sessions)?.record;
  printResult(
    context,
    { ok: true, primary_session, session_counts },
    {
      lines: [
        ['primary.orp_session_id', primary?.orp_session_id],
        ['primary.codex_session_id', primary?.codex_session_id],
      ],
      page: () =>
        said(
          'done',
          `${primary?.label ?? id} is now the primary session: it takes jobs that name no session.`,
        ),
    },
  );
}

async function setArchived(context: Context, id: string, archived: boolean): Promise<void> {
  const repository = requireGit(await context.repository());
  const sessions = await updateSessions(repository, context.now(), (stored) => {
    const chosen = requireSession(repository, stored, id);
    const primary = !archived && chosen.record.primary;
    const changed = { ...chosen, record: { ...chosen.record, archived, primary } };
    return stored.map((session) => (session.path === chosen.path ? changed : session));
  });
  const session = showSession(repository.root, requireSession(repository, sessions, id));
  printResult(
    context,
    { ok: true, session, ...summary(repository, sessions) },
    {
      lines: [
        ['archived', session.archived],
        ['session.id', session.orp_session_id],
      ],
      page: () =>
        said(
          'done',
          archived
            ? `Archived session ${session.label}. It takes no jobs.`
            : `Session ${session.label} can take jobs again.`,
        ),
    },
  );
}

async function remove(context: Context, id: string): Promise<void> {
  const repository = requireGit(await context.repository());
  const removed: StoredSession[] = [];
  const sessions = await updateSessions(repository, context.now(), (stored) => {
    const chosen = requireSession(repository, stored, id);
    removed.push(chosen);
    return stored.filter((session) => session.path !== chosen.path);
  });
  const [gone] = removed.map((session) => showSession(repository.root, session));
  const document = {
    ok: true,
    removed: true,
    removed_session: gone ?? {},
    session_path: gone?.path ?? '',
    ...summary(repository, sessions),
  };
  printResult(context, document, {
    lines: [
      ['removed', true],
      ['session.id', gone?.orp_session_id],
      ['session.path', gone?.path],
    ],
    page: () => said('done', `Unlinked session ${gone?.label ?? id}.`),
  });
}
