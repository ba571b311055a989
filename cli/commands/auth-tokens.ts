/** `orp auth token list|create|revoke` and `orp auth password`: commands for your own sign-ins and tokens. */

import { type Command, Option } from 'commander';
import { SCOPE_WORDS, SCOPES, type Scope } from '../../spec/access.ts';
import { changePassword, createToken, getMe, listTokens, revokeTokenById } from '../../spec/contract/auth.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { usageError } from '../base/exit.ts';
import { wholeNumberOption } from '../base/whole-number.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, facts, said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import { ask, canAsk, readSecret } from '../output/terminal.ts';
import type { Rich } from '../output/text-output.ts';
import { tokenOfEnvironment } from '../records/sign-in-record.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface PasswordOptions extends CommonOptions {
  passwordStdin?: boolean;
  revokeOthers?: boolean;
}

export function registerAuthTokens(group: Command, shell: Shell): void {
  withCommonOptions(
    group.command('status').description('show who is signed in, and what the token may do'),
  ).action((options: CommonOptions) => shell.run(options, status));
  const token = group.command('token').description('manage your tokens and signed-in devices');
  withCommonOptions(
    token.command('list').description('list your devices and tokens, the most recently used first'),
  ).action((options: CommonOptions) => shell.run(options, list));
  withCommonOptions(
    token
      .command('create')
      .description('make a token for a program that cannot sign in, and print it once')
      .argument('<name>', 'what the token is for')
      .addOption(scopeOption())
      .addOption(
        wholeNumberOption({
          flags: '--expires-in-days <days>',
          description: 'days until the token expires',
          min: 1,
          max: 3650,
          default: 90,
        }),
      )
      .option('--no-expiry', 'the token never expires')
      .addHelpText('after', CREATE_HELP),
  ).action((name: string, options: CreateOptions) =>
    shell.run(options, (context) => create(context, name, options)),
  );
  withCommonOptions(
    token
      .command('revoke')
      .description('sign out one of your devices, or revoke one of your tokens')
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

const CREATE_HELP = `
Scopes:
${SCOPES.map((scope) => `  ${scope.padEnd(8)} ${SCOPE_WORDS[scope]}`).join('\n')}

Give the token to the program in ORP_TOKEN, with the address of the server in ORP_BASE_URL.`;

function scopeOption(): Option {
  return new Option('--scope <scope>', 'what the token may do').choices([...SCOPES]).makeOptionMandatory();
}

interface CreateOptions extends CommonOptions {
  scope: Scope;
  expiresInDays: number;
  /** False with `--no-expiry`. */
  expiry: boolean;
}

async function status(context: Context): Promise<void> {
  const client = await signedInClient(context);
  const { user, token } = await call(client, getMe, {});
  const source = tokenOfEnvironment(context.env) === undefined ? 'remote-session.json' : 'ORP_TOKEN';
  const shown = {
    signed_in: true,
    base_url: client.baseUrl,
    user_id: user.id,
    email: user.email,
    token_source: source,
    token_kind: token?.kind ?? 'cli',
    token_name: token?.name ?? '',
    scope: token?.scope ?? 'owner',
    ...(token?.expiresAt === undefined ? {} : { expires_at: token.expiresAt }),
  };
  printResult(context, shown, {
    lines: Object.entries(shown),
    page: () => [
      said('done', `Signed in as ${user.email} at ${client.baseUrl}.`),
      facts([
        ['Token', [shown.token_name, `from ${source}`].filter(Boolean).join(', ')],
        ['Scope', `${shown.scope}: ${SCOPE_WORDS[shown.scope]}`],
        ['Expires', token?.expiresAt],
      ]),
    ],
  });
}

async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const { scope, expiresInDays, expiry } = options;
  const client = await signedInClient(context);
  const body = { name, scope, ...(expiry ? { expiresInDays } : {}) };
  const answer = await call(client, createToken, { body });
  const { id, token, expiresAt } = answer;
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['token.id', id],
      ['token', token],
      ['token.name', answer.name],
      ['token.scope', scope],
      ['token.expires_at', expiresAt],
    ],
    page: () => [
      said('done', `Made the token ${id} (${answer.name}). Copy it now: the server cannot show it again.`),
      `\n  ${token}\n\n`,
      said('note', `It may ${SCOPE_WORDS[scope]}.`),
      said('note', expiresAt === undefined ? 'It does not expire.' : `It expires at ${expiresAt}.`),
      said('next', `orp auth token revoke ${id}`),
    ],
  });
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

function linesOf({ id, name, kind, scope, createdAt, usedAt, expiresAt, isThis }: Token): Line[] {
  return [
    ['token.id', id],
    ['token.name', name],
    ['token.kind', kind],
    ['token.created_at', createdAt],
    ['token.used_at', usedAt],
    ['token.is_this', isThis],
    ['token.scope', scope],
    ['token.expires_at', expiresAt],
  ];
}

const KIND_WORDS = { cli: 'terminal', browser: 'browser', token: 'token' } as const;
const DAY_MS = 24 * 60 * 60_000;

function tokensPage(tokens: readonly Token[], { columns, now }: { columns: number; now: number }): Rich {
  const since = (text: string) => now - (parseTimestamp(text) ?? now);
  // The server records the use of a device once a day.
  const used = ({ usedAt }: Token) => (since(usedAt) < DAY_MS ? 'today' : `${age(since(usedAt))} ago`);
  const rows = tokens.map((token) => [
    { text: token.id, style: 'dim' as const },
    { text: KIND_WORDS[token.kind] },
    { text: token.scope },
    { text: `${age(since(token.createdAt))} ago` },
    { text: used(token) },
    { text: token.expiresAt === undefined ? '' : `in ${age(-since(token.expiresAt))}` },
    { text: token.isThis ? `${token.name} (this one)` : token.name },
  ]);
  return table(['ID', 'KIND', 'SCOPE', 'SINCE', 'USED', 'EXPIRES', 'NAME'], rows, columns);
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
    page: () => said('done', `${answer.name} is revoked. Its open connections close within 30 seconds.`),
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
