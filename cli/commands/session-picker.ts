/** Asks a person at the terminal which session of an agent to link, and under which name. */

import { usageError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { isLinkable, requireGit } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { ask, canPick } from '../output/terminal.ts';
import { findSession, readSessions } from '../records/sessions/sessions.ts';
import { changing } from './changing.ts';
import {
  type DiscoveredSession,
  discoveredPage,
  discoverSessions,
  sessionChoices,
} from './discovered-sessions.ts';
import { type RegisterOptions, registerSession } from './link-session-register.ts';
import { choose } from './pick.ts';

/**
 * The number of sessions in the picker, so that they fit on a terminal. The list without a picker has older sessions,
 * too.
 */
const SHOWN = 20;
const NAME_CHARACTERS = 40;

export type PickerOptions = Partial<RegisterOptions>;

/** `orp link session register` without an id. */
export async function registerPicked(context: Context, options: PickerOptions): Promise<void> {
  requireGit(await context.repository());
  const sessions = await discoverSessions(context, false);
  if (sessions.length > 0) return pickAndRegister(context, sessions, options);
  throw usageError(
    'No agent has a session for this folder.',
    'Start one (`codex`), or pass --orp-session-id and --label to register a session without it.',
  );
}

/** Lists the sessions, asks the person to choose one, and registers the chosen session. If the person only presses Enter, nothing changes. */
export async function pickAndRegister(
  context: Context,
  sessions: readonly DiscoveredSession[],
  options: PickerOptions,
): Promise<void> {
  const shown = sessions.slice(0, SHOWN);
  const older = sessions.length - shown.length;
  if (older > 0) {
    context.stderr.print(
      said('note', `${older} older ones are not shown: \`orp link session discover --json\` lists all.`),
    );
  }
  const picked = await choose(context, {
    ...sessionChoices(context, shown),
    question: 'Link which session?',
    refuse: ({ linked }) => (linked ? 'This session is linked already.' : undefined),
  });
  if (picked === undefined) return;
  const given = options.label?.trim() ?? '';
  const name = given || (await askName(context, picked));
  const orpSessionId = options.orpSessionId ?? name;
  const chosen = { codexSessionId: picked.id, agent: picked.agent };
  await changing(context, () =>
    registerSession(context, { ...options, orpSessionId, label: name, ...chosen }),
  );
}

/** Asks for a name. The name becomes the id and the label, so no other session may have it. */
async function askName(context: Context, picked: DiscoveredSession): Promise<string> {
  const { sessions } = readSessions(requireGit(await context.repository()), context.now());
  const isFree = (name: string) => findSession(sessions, name) === undefined;
  const suggested = suggestName(picked, isFree);
  for (;;) {
    const message = `Its name here? [${oneLine(suggested)}]`;
    const name = (await ask(context, { message, isSecret: false })).trim() || suggested;
    if (isFree(name)) return name;
    context.warn(`The session ${JSON.stringify(name)} exists already.`, 'Choose another name.');
  }
}

/** Suggests `main` for the first session, and for other sessions the first words of their prompt. */
export function suggestName(session: DiscoveredSession, isFree: (name: string) => boolean): string {
  if (isFree('main')) return 'main';
  const words = session.first_prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  let name = '';
  for (const word of words) {
    const longer = name === '' ? word : `${name}-${word}`;
    if (longer.length > NAME_CHARACTERS) break;
    name = longer;
  }
  return [name, `${session.agent}-${session.id}`].find((each) => each !== '' && isFree(each)) ?? session.id;
}

/** `orp link session discover`: lists the sessions of the agents on this machine, and offers a picker on a terminal. */
export interface DiscoverOptions extends CommonOptions {
  all?: boolean;
}

/**
 * Lists the sessions. On a terminal it then asks which one to link. With `--all` it does not, because a session of another folder
 * belongs to another repository.
 */
export async function discover(context: Context, options: DiscoverOptions): Promise<void> {
  const isAll = options.all ?? false;
  const sessions = await discoverSessions(context, isAll);
  const mayLink = !isAll && sessions.length > 0 && isLinkable(await context.repository());
  if (mayLink && canPick(context)) return pickAndRegister(context, sessions, {});
  printResult(
    context,
    { ok: true, sessions },
    {
      lines: () => formatRows([['sessions.total', sessions.length]], sessions.map(linesOf)),
      page: (columns) => [
        discoveredPage(sessions, { now: context.now(), columns, isAll }),
        sessions.length > 0 ? '' : said('next', '`codex` starts a session in this folder.'),
      ],
    },
  );
}

function linesOf(session: DiscoveredSession): Line[] {
  return [
    ['session.agent', session.agent],
    ['session.id', session.id],
    ['session.cwd', session.cwd],
    ['session.last_active_at_utc', session.last_active_at_utc],
    ['session.branch', session.branch],
    ['session.first_prompt', session.first_prompt],
    ['session.open', session.open],
    ['session.linked', session.linked],
  ];
}
