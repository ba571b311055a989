/** `orp link session discover`: lists the sessions of the agents on this machine, and offers a picker on a terminal. */

import { isLinkable } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { type DiscoveredSession, discoveredPage, discoverSessions } from './discovered-sessions.ts';
import { canPick, pickAndRegister } from './session-picker.ts';

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
