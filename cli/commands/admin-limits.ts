/** `orp admin limits`: who is at a limit, and the limits of one account. */

import { ACCOUNT_LIMITS } from '../../spec/bounds.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import * as people from '../../spec/contract/people.ts';
import { usageError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
import { findAccount } from './admin-people.ts';

export interface LimitOptions extends CommonOptions {
  /** Each has the form `name=number`. */
  set?: string[];
  /** Names of limits, or `all`. */
  default?: string[];
  reason?: string;
  cursor?: string;
}

type Shown = ReplyOf<typeof people.showLimits>['limits'][number];
type Changes = Record<string, number | null>;

export async function limits(
  context: Context,
  account: string | undefined,
  options: LimitOptions,
): Promise<void> {
  const changes = changesOf(options);
  const { reason, cursor } = options;
  if (reason !== undefined && changes === undefined)
    throw usageError('--reason belongs to a change.', 'Add --set or --default.');
  if (account === undefined) {
    if (changes !== undefined) throw usageError('--set and --default need an account.', 'Name the account.');
    return await fullAccounts(context, cursor);
  }
  if (cursor !== undefined)
    throw usageError('--cursor belongs to the list of accounts.', 'Omit the account or --cursor.');
  await ofAccount(context, account, { changes, reason });
}

function changesOf({ set = [], default: restored = [] }: LimitOptions): Changes | undefined {
  const changes: Changes = {};
  for (const word of set) {
    const [, name, number] = /^([A-Za-z]+)=(\d{1,16})$/.exec(word) ?? [];
    if (name === undefined) {
      throw usageError(
        `--set ${word}: it must be NAME=NUMBER, with a whole number from 0.`,
        'For example --set queuedJobs=100.',
      );
    }
    add(name, Number(number));
  }
  for (const name of restored.flatMap((word) => (word === 'all' ? ACCOUNT_LIMITS : [word]))) add(name, null);
  return Object.keys(changes).length === 0 ? undefined : changes;

  function add(name: string, value: number | null): void {
    if (!(ACCOUNT_LIMITS as string[]).includes(name)) {
      throw usageError(`There is no limit ${name}.`, `The limits are ${ACCOUNT_LIMITS.join(', ')}.`);
    }
    if (Object.hasOwn(changes, name)) throw usageError(`${name} is named twice.`, 'Name each limit once.');
    changes[name] = value;
  }
}

async function ofAccount(
  context: Context,
  account: string,
  { changes, reason }: { changes: Changes | undefined; reason: string | undefined },
): Promise<void> {
  const client = await signedInClient(context);
  const { id } = await findAccount(client, account);
  const params = { accountId: id };
  const body = { limits: changes ?? {}, reason: reason?.trim() || null };
  const done = changes && (await call(client, people.changeLimits, { params, body }));
  const answer = await call(client, people.showLimits, { params });
  const { email, limits: shown } = answer;
  printResult(context, done === undefined ? answer : { ...answer, changed: done.changed }, {
    lines: () =>
      formatRows([['account.id', id], ['account.email', email], ...changedLines(done)], shown.map(linesOf)),
    page: (columns) => [
      done === undefined ? '' : said(done.changed ? 'done' : 'note', sentenceOf(email, done.changed)),
      ...(done === undefined ? [] : warningsOf(shown)),
      table(['LIMIT', 'USED', 'OF', 'DEFAULT'], shown.map(rowOf), columns),
    ],
  });
}

function changedLines(done: { changed: boolean } | undefined): Line[] {
  return done === undefined ? [] : [['changed', done.changed]];
}

function sentenceOf(email: string, changed: boolean): string {
  return changed ? `The limits of ${email} are changed.` : `${email} had these limits before.`;
}

/** What lowered limits do to an account that uses more. The server prunes ended jobs from 90 % of `keptJobs` on. */
function warningsOf(shown: readonly Shown[]): Rich[] {
  const isAbove = (share: number) => (limit: Shown) => (limit.used ?? 0) > share * limit.limit;
  const above = shown.filter(isAbove(1)).filter(({ name }) => name !== 'keptJobs');
  const names = above.map(({ name }) => name).join(', ');
  return [
    names === ''
      ? ''
      : said('note', `Above the limit: ${names}. The server removes nothing, and refuses new work.`),
    shown.filter(isAbove(0.9)).some(({ name }) => name === 'keptJobs')
      ? said('note', 'Near the limit: keptJobs. The server deletes the oldest ended jobs of the account.')
      : '',
  ];
}

async function fullAccounts(context: Context, start: string | undefined): Promise<void> {
  const client = await signedInClient(context);
  let answer = await call(client, people.listFullAccounts, { query: { cursor: start } });
  // A page without such an account may have further pages.
  while (answer.accounts.length === 0 && answer.nextCursor !== undefined)
    answer = await call(client, people.listFullAccounts, { query: { cursor: answer.nextCursor } });
  const { nextCursor, ...rest } = answer;
  const rows = rest.accounts.flatMap(({ id, email, limits: full }) =>
    full.map((limit) => ({ id, email, limit })),
  );
  printResult(
    context,
    { ...rest, next_cursor: nextCursor ?? '' },
    {
      lines: () =>
        formatRows(
          [
            ['limits.count', rows.length],
            ['next_cursor', nextCursor],
          ],
          rows.map(({ id, email, limit }) => [
            ['account.id', id],
            ['account.email', email],
            ...linesOf(limit),
          ]),
        ),
      page: (columns) => [
        rows.length === 0
          ? said('idle', `No ${start === undefined ? '' : 'further '}account uses 80 % or more of a limit.`)
          : table(
              ['ACCOUNT', 'LIMIT', 'USED', 'OF', 'DEFAULT'],
              rows.map(({ email, limit }) => [{ text: email }, ...rowOf(limit)]),
              columns,
            ),
        nextCursor === undefined ? '' : said('next', `orp admin limits --cursor ${shellWord(nextCursor)}`),
      ],
    },
  );
}

function linesOf(shown: Shown): Line[] {
  return [
    ['limit.name', shown.name],
    ['limit.used', shown.used],
    ['limit.limit', shown.limit],
    ['limit.default', shown.default],
    ['limit.custom', shown.custom],
  ];
}

/** Highlights a limit that an operator has set. */
function rowOf({ name, used, limit, default: usual, custom }: Shown) {
  const isFull = used !== undefined && used >= limit;
  return [
    { text: name },
    { text: numberText(used), ...(isFull && { style: 'red' as const }) },
    { text: numberText(limit), ...(custom && { style: 'green' as const }) },
    { text: numberText(usual), style: 'dim' as const },
  ];
}

function numberText(number: number | undefined): string {
  return number === undefined ? '-' : number.toLocaleString('en-US');
}
