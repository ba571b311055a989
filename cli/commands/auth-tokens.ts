/** `orp auth token list|revoke` and `orp auth password`: commands for your own sign-ins. */

import type { Command } from 'commander';
import { changePassword, listTokens, revokeTokenById } from '../../spec/contract/auth.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { usageError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { ask, canAsk, readSecret } from '../output/terminal.ts';
import type { Rich } from '../output/text-output.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface PasswordOptions extends CommonOptions {
  passwordStdin?: boolean;
  revokeOthers?: boolean;
}

export function registerAuthTokens(group: Command, shell: Shell): void {
  const token = group.command('token').description('list and revoke your signed-in devices');
  withCommonOptions(
    token.command('list').description('list your devices, the most recently used first'),
  ).action((options: CommonOptions) => shell.run(options, list));
  withCommonOptions(
    token
      .command('revoke')
      .description('sign out one of your devices')
      .argument('<token-id>', 'complete id from the list'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => revoke(context, id)));
  withCommonOptions(
    group
      .command('password')
      .description('change your password')
      .option('--password-stdin', 'read the old and the new password from stdin, one line each')
      .option('--revoke-others', 'sign out every other device, not only the other browsers'),
  ).action((options: PasswordOptions) => shell.run(options, (context) => password(context, options)));
}

type Token = ReplyOf<typeof listTokens>['tokens'][number];

async function list(context: Context): Promise<void> {
  const answer = await call(await signedInClient(context), listTokens, {});
  const { tokens } = answer;
  printResult(context, answer, {
    lines: () => formatRows([['tokens.count', tokens.length]], tokens.map(linesOf)),
    page: (columns) => tokensPage(tokens, { columns, now: context.now() }),
  });
}

function linesOf({ id, name, kind, createdAt, usedAt, isThis }: Token): Line[] {
  return [
    ['token.id', id],
    ['token.name', name],
    ['token.kind', kind],
    ['token.created_at', createdAt],
    ['token.used_at', usedAt],
    ['token.is_this', isThis],
  ];
}

const DAY_MS = 24 * 60 * 60_000;

function tokensPage(tokens: readonly Token[], { columns, now }: { columns: number; now: number }): Rich {
  const since = (text: string) => now - (parseTimestamp(text) ?? now);
  // The server records the use of a device once a day.
  const used = ({ usedAt }: Token) => (since(usedAt) < DAY_MS ? 'today' : `${age(since(usedAt))} ago`);
  const rows = tokens.map((token) => [
    { text: token.id, style: 'dim' as const },
    { text: token.kind === 'cli' ? 'terminal' : 'browser' },
    { text: `${age(since(token.createdAt))} ago` },
    { text: used(token) },
    { text: token.isThis ? `${token.name} (this one)` : token.name },
  ]);
  return table(['ID', 'KIND', 'SIGNED IN', 'USED', 'NAME'], rows, columns);
}

async function revoke(context: Context, id: string): Promise<void> {
  const client = await signedInClient(context);
  const answer = await call(client, revokeTokenById, { params: { tokenId: id } });
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['token.id', id],
      ['token.name', answer.name],
    ],
    page: () => said('done', `${answer.name} is signed out. What it holds open closes within 30 seconds.`),
  });
}

async function password(context: Context, { passwordStdin, revokeOthers }: PasswordOptions): Promise<void> {
  const { current, next } = passwordStdin ? await readBoth(context) : await askBoth(context);
  const client = await signedInClient(context);
  const body = { current, next, revokeOthers: revokeOthers === true };
  const answer = await call(client, changePassword, { body });
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['revoked', answer.revoked],
    ],
    page: () => [
      said('done', 'Your password was changed.'),
      answer.revoked === 0
        ? ''
        : said('note', `Other devices that the server signed out: ${answer.revoked}.`),
    ],
  });
}

async function readBoth(context: Context): Promise<{ current: string; next: string }> {
  const [current = '', next = '', ...rest] = (await readSecret(context)).split(/\r?\n/);
  if (current !== '' && next !== '' && rest.length === 0) return { current, next };
  throw usageError('stdin must have two lines: the old password and the new one.', 'Nothing was changed.');
}

async function askBoth(context: Context): Promise<{ current: string; next: string }> {
  if (!canAsk(context)) {
    throw usageError(
      'orp cannot ask for the passwords without a terminal.',
      'Use --password-stdin, or run the command in a terminal.',
    );
  }
  const current = await ask(context, { message: 'Old password:', isSecret: true });
  const next = await ask(context, { message: 'New password:', isSecret: true });
  const again = await ask(context, { message: 'New password again:', isSecret: true });
  if (next === again) return { current, next };
  throw usageError('The two new passwords differ.', 'Nothing was changed. Run the command again.');
}
