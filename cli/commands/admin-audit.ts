/** `orp admin audit`. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { listAudit } from '../../spec/contract/people.ts';
import { type AuditAction, auditWords } from '../../spec/overview/audit.ts';
import { oneLine } from '../base/one-line.ts';
import { shellWord } from '../base/shell-word.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, said } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { cutToWidth } from '../output/text-width.ts';

export interface AuditOptions extends CommonOptions {
  account?: string;
  action?: AuditAction;
  limit: number;
  cursor?: string;
}

type Entry = ReplyOf<typeof listAudit>['entries'][number];

export async function audit(context: Context, options: AuditOptions): Promise<void> {
  const { account, action, limit, cursor } = options;
  const query = { account, action, limit, cursor };
  const { nextCursor, ...rest } = await call(await signedInClient(context), listAudit, { query });
  const { entries } = rest;
  const document = { ...rest, next_cursor: nextCursor ?? '' };
  const head: Line[] = [
    ['entries.count', entries.length],
    ['next_cursor', nextCursor],
  ];
  printResult(context, document, {
    lines: () => formatRows(head, entries.map(linesOf)),
    page: (columns) => [
      entries.length === 0
        ? 'No entry on this page matches.\n'
        : listOf(entries, { columns, now: context.now() }),
      nextCursor === undefined ? '' : said('next', moreOf(options, nextCursor)),
    ],
  });
}

function linesOf({ at, action, account, actor, source, subject, detail }: Entry): Line[] {
  return [
    ['entry.at', at],
    ['entry.action', action],
    ['entry.account', account.email],
    ['entry.actor', actor.email ?? actor.id],
    ['entry.source', source],
    ['entry.subject', subject],
    ['entry.detail', detail],
  ];
}

/** Prints two lines for each entry: the person, the action and the record, and then the details. */
function listOf(entries: readonly Entry[], { columns, now }: { columns: number; now: number }): Rich {
  return entries.map(({ at, action, account, actor, source, subject, detail }): Rich => {
    const who = actor.email ?? actor.id;
    const whose = account.email === who ? '' : `of ${account.email}`;
    const details = [whose, detail, `from ${source}`].filter(Boolean).join(' · ');
    const when = `${age(now - (parseTimestamp(at) ?? now))} ago`.padEnd(WHEN_WIDTH);
    const room = columns - 1 - WHEN_WIDTH;
    const sentence = cutToWidth(oneLine(`${who} ${auditWords(action)}: ${subject}`), room);
    const below = cutToWidth(oneLine(details), room);
    return [paint('dim', when), sentence, '\n', ' '.repeat(WHEN_WIDTH), paint('dim', below), '\n'];
  });
}

const WHEN_WIDTH = 9;

function moreOf(options: AuditOptions, nextCursor: string): string {
  const flags = Object.entries({
    '--account': options.account,
    '--action': options.action,
    '--limit': options.limit,
    '--cursor': nextCursor,
  }).filter(([, value]) => value !== undefined);
  return `orp admin audit ${flags.map(([flag, value]) => `${flag} ${shellWord(String(value))}`).join(' ')}`;
}
