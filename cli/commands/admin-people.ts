/** `orp admin invite|invitations|accounts|disable|enable|reset-password`. */

import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import * as people from '../../spec/contract/people.ts';
import { CliError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { call } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';

export interface InviteOptions extends CommonOptions {
  role: 'member' | 'operator';
  email?: string;
}

export interface OrderOptions extends CommonOptions {
  reason?: string;
}

export interface AccountsOptions extends CommonOptions {
  account?: string;
  limit: number;
  cursor?: string;
}

export async function invite(context: Context, { role, email }: InviteOptions): Promise<void> {
  const client = await signedInClient(context);
  const body = { role, email: email?.trim() || null };
  const answer = await call(client, people.makeInvitation, { body });
  printResult(context, answer, {
    lines: [
      ['invitation.id', answer.id],
      ['invitation.url', answer.url],
      ['invitation.role', answer.role],
      ['invitation.expires_at', answer.expiresAt],
    ],
    page: () => [
      said(
        'done',
        `Send this link to the person. It creates one ${role} account and expires at ${answer.expiresAt}:`,
      ),
      `\n  ${answer.url}\n\n`,
      said('note', 'Copy the link now: it is not shown again.'),
      said('next', `orp admin invitations revoke ${answer.id}`),
    ],
  });
}

type Invitation = ReplyOf<typeof people.listInvitations>['invitations'][number];

export async function invitations(context: Context): Promise<void> {
  const answer = await call(await signedInClient(context), people.listInvitations, {});
  const list = answer.invitations;
  printResult(context, answer, {
    lines: () => formatRows([['invitations.count', list.length]], list.map(invitationLines)),
    page: (columns) =>
      list.length === 0 ? said('idle', 'There are no invitations.') : rowsOf(list, columns),
  });

  function rowsOf(shown: readonly Invitation[], columns: number): Rich {
    const rows = shown.map(({ id, role, email, state, createdAt, createdBy, usedBy }) => [
      { text: id, style: 'dim' as const },
      { text: state, style: state === 'open' ? ('green' as const) : ('dim' as const) },
      { text: role },
      { text: since(createdAt, context.now()) },
      { text: createdBy ?? '' },
      { text: usedBy ?? email ?? '' },
    ]);
    return table(['ID', 'STATE', 'ROLE', 'MADE', 'BY', 'FOR'], rows, columns);
  }
}

function invitationLines(invitation: Invitation): Line[] {
  return [
    ['invitation.id', invitation.id],
    ['invitation.state', invitation.state],
    ['invitation.role', invitation.role],
    ['invitation.email', invitation.email],
    ['invitation.created_by', invitation.createdBy],
    ['invitation.created_at', invitation.createdAt],
    ['invitation.expires_at', invitation.expiresAt],
    ['invitation.used_by', invitation.usedBy],
  ];
}

export async function revokeInvitation(context: Context, invitationId: string): Promise<void> {
  const client = await signedInClient(context);
  const answer = await call(client, people.revokeInvitation, { params: { invitationId } });
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['changed', answer.changed],
    ],
    page: () =>
      answer.changed
        ? said('done', 'The invitation is revoked.')
        : said('note', 'Nothing changed: the invitation was already used, revoked or expired.'),
  });
}

type Accounts = ReplyOf<typeof people.listAccounts>;

export async function accounts(context: Context, { account, limit, cursor }: AccountsOptions): Promise<void> {
  const client = await signedInClient(context);
  const answer = await call(client, people.listAccounts, { query: { account, limit, cursor } });
  const { nextCursor, ...rest } = answer;
  printResult(
    context,
    { ...rest, next_cursor: nextCursor ?? '' },
    {
      lines: () =>
        formatRows(
          [
            ['accounts.count', answer.accounts.length],
            ['next_cursor', nextCursor],
          ],
          answer.accounts.map(accountLines),
        ),
      page: (columns) => accountsPage(answer, { columns, now: context.now() }),
    },
  );
}

function accountLines(account: Accounts['accounts'][number]): Line[] {
  return [
    ['account.id', account.id],
    ['account.email', account.email],
    ['account.name', account.name],
    ['account.role', account.role],
    ['account.created_at', account.createdAt],
    ['account.disabled_at', account.disabledAt],
  ];
}

function accountsPage(
  { accounts: list, nextCursor }: Accounts,
  { columns, now }: { columns: number; now: number },
): Rich {
  if (list.length === 0) return said('idle', 'No account matches.');
  const rows = list.map(({ id, role, createdAt, disabledAt, email, name }) => [
    { text: id, style: 'dim' as const },
    { text: role },
    disabledAt === undefined
      ? { text: 'enabled', style: 'green' as const }
      : { text: 'disabled', style: 'red' as const },
    { text: since(createdAt, now) },
    { text: email },
    { text: name },
  ]);
  return [
    table(['ID', 'ROLE', 'STATE', 'MADE', 'EMAIL', 'NAME'], rows, columns),
    nextCursor === undefined ? '' : said('next', `orp admin accounts --cursor ${shellWord(nextCursor)}`),
  ];
}

const DONE = {
  disable: {
    row: people.disableAccount,
    changed:
      'is disabled: it cannot sign in, and within 30 seconds nothing of it works. Its queued jobs wait.',
    same: 'was disabled before.',
  },
  enable: {
    row: people.enableAccount,
    changed: 'is enabled: its devices are signed in again.',
    same: 'was enabled before.',
  },
} as const;

export async function setAccount(
  context: Context,
  verb: keyof typeof DONE,
  { account, reason }: OrderOptions & { account: string },
): Promise<void> {
  const client = await signedInClient(context);
  const { id, email } = await findAccount(client, account);
  const { row, changed, same } = DONE[verb];
  const body = { reason: reason?.trim() || null };
  const answer = await call(client, row, { params: { accountId: id }, body });
  printResult(
    context,
    { ...answer, account: { id, email } },
    {
      lines: [
        ['ok', true],
        ['account.id', id],
        ['account.email', email],
        ['changed', answer.changed],
      ],
      page: () => said(answer.changed ? 'done' : 'note', `${email} ${answer.changed ? changed : same}`),
    },
  );
}

export async function resetPassword(
  context: Context,
  { account, reason }: OrderOptions & { account: string },
): Promise<void> {
  const client = await signedInClient(context);
  const { id } = await findAccount(client, account);
  const body = { reason: reason?.trim() || null };
  const answer = await call(client, people.makePasswordLink, { params: { accountId: id }, body });
  printResult(context, answer, {
    lines: [
      ['account.id', id],
      ['account.email', answer.email],
      ['link.url', answer.url],
      ['link.expires_at', answer.expiresAt],
    ],
    page: () => [
      said(
        'done',
        `Send this link to ${answer.email}. It sets a new password once and expires at ${answer.expiresAt}:`,
      ),
      `\n  ${answer.url}\n\n`,
      said(
        'note',
        'Copy the link now: it is not shown again. When the person uses it, the server signs out all their devices.',
      ),
    ],
  });
}

/** The id or the e-mail address of the account. */
export async function findAccount(client: Client, account: string): Promise<{ id: string; email: string }> {
  const answer = await call(client, people.listAccounts, { query: { account, limit: 1 } });
  const [found] = answer.accounts;
  if (found !== undefined) return found;
  throw new CliError(`There is no account ${account}.`, {
    code: 'not_found',
    hint: 'Run `orp admin accounts` to list the accounts.',
  });
}

function since(text: string, now: number): string {
  const at = parseTimestamp(text);
  return at === undefined ? text : `${age(Math.max(0, now - at))} ago`;
}
