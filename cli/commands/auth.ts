/** `orp auth …` and `orp whoami`. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { deviceLogin, deviceVerify, getMe, revokeToken } from '../../spec/contract/auth.ts';
import { cut } from '../../spec/text.ts';
import { CliError, messageOf, usageError } from '../base/exit.ts';
import { send } from '../client/call.ts';
import { anonymousClient, type Client, signedInClient } from '../client/client.ts';
import { drawQrCode, offersDeviceSignIn, startSignIn, waitForApproval } from '../client/device-sign-in.ts';
import { NO_RETRY } from '../client/retry.ts';
import { ServerError } from '../client/server-error.ts';
import { readString } from '../files/fields.ts';
import {
  keepKnownDevice,
  readConnected,
  readKnownDevice,
  readSignIn,
  type SignIn,
  userOf,
} from '../hosted/identity.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { ask, canAsk, readSecretFrom } from '../output/terminal.ts';
import { Hanging, paint, type Rich } from '../output/text-output.ts';
import {
  clearRemoteSession,
  type RemoteSession,
  readStoredSession,
  tokenOfEnvironment,
  updateRemoteSession,
} from '../records/sign-in-record.ts';
import { type Shell, withCommonOptions, withJson } from './shell.ts';

interface LoginOptions extends CommonOptions {
  email?: string;
  password?: string;
  passwordStdin?: boolean;
}

interface VerifyOptions extends CommonOptions {
  email?: string;
  code?: string;
  codeStdin?: boolean;
}

/** Signing out must not wait for an unreachable server. */
const REVOKE_TIMEOUT_MS = 5_000;

const LOGIN_HELP = `
On a terminal, without --email and --password, orp shows a code and the address of a page. Open the page on any device, sign
in there, and approve the code. A server that has no such page asks for email and password.
With ORP_TOKEN in the environment, commands use that token and the server in ORP_BASE_URL, and need no sign-in.`;

export function registerAuth(group: Command, shell: Shell): void {
  withCommonOptions(
    group
      .command('login')
      .description('sign in: by a code that you approve on a page, or with --email and a password')
      .option(
        '--email <email>',
        'sign in with the password of this account (default off a terminal: the last one)',
      )
      .option(
        '--password <password>',
        'password; other users of this machine can see it, so prefer --password-stdin',
      )
      .option('--password-stdin', 'read the password from stdin')
      .addHelpText('after', LOGIN_HELP),
  ).action((options: LoginOptions) => shell.run(options, (context) => login(context, options)));

  withCommonOptions(
    group
      .command('verify')
      .description('finish signing in with the emailed code')
      .option('--email <email>', 'account (default: the last one used)')
      .option('--code <code>', 'code from the email')
      .option('--code-stdin', 'read the code from stdin'),
  ).action((options: VerifyOptions) => shell.run(options, (context) => verify(context, options)));

  withJson(group.command('logout').description('sign out of this machine and revoke its token')).action(
    (options: CommonOptions) => shell.run(options, logout),
  );
}

export function registerWhoami(group: Command, shell: Shell): void {
  withCommonOptions(group).action((options: CommonOptions) => shell.run(options, whoami));
}

export async function login(context: Context, options: LoginOptions): Promise<void> {
  const session = readStoredSession(context.env);
  if (isByCode(context, options) && (await loginByCode(context, session))) return;
  const email = await chooseEmail(context, options.email, session);
  const password = await readSecretFrom(context, {
    name: 'password',
    flag: options.password,
    fromStdin: options.passwordStdin,
  });
  const client = await anonymousClient(context, session);
  const device = deviceOf(context, { client, email, session });
  const answer = await send(client, deviceLogin, { body: { email, password, ...device } });
  const outcome = readSignIn(answer);
  if (outcome.kind !== 'pending') return finishSignIn(context, { client, email, outcome });

  await updateRemoteSession(context.env, {
    base_url: client.baseUrl,
    email,
    token: '',
    user: null,
    pending_verification: outcome.verification,
  });
  const shown = {
    base_url: client.baseUrl,
    email: maskEmail(email),
    expires_at: readString(outcome.verification, 'expiresAt') ?? '',
    pending_verification: true,
  };
  printResult(context, shown, {
    lines: Object.entries(shown),
    page: () => [
      said('done', `The server sent a code to ${shown.email}. It expires at ${shown.expires_at}.`),
      said('next', 'orp auth verify'),
    ],
  });
}

/** Returns whether a person is at the terminal and has named no account. */
function isByCode(context: Context, { email, password, passwordStdin }: LoginOptions): boolean {
  const isNamed = email !== undefined || password !== undefined || passwordStdin === true;
  return !isNamed && context.form === 'page' && canAsk(context);
}

/** Signs in with a code. Returns false if the server does not support it. */
async function loginByCode(context: Context, session: RemoteSession): Promise<boolean> {
  const client = await anonymousClient(context, session);
  if (!(await offersDeviceSignIn(client))) return false;
  const code = await startSignIn(client, deviceName());
  context.stderr.print([
    await qrCode(context, code.verificationUriComplete),
    new Hanging(0, `To sign in to ${new URL(client.baseUrl).origin}, open this page on any device:`),
    '\n\n  ',
    code.verificationUriComplete,
    '\n\n',
    new Hanging(
      0,
      `Check that it shows the code ${code.userCode} and approve it. Or open ${code.verificationUri} and type the code.`,
    ),
    '\n',
    said('idle', `Waiting for your approval, up to ${Math.ceil(code.expiresIn / 60)} minutes. Ctrl-C stops.`),
  ]);
  const { token, user } = await waitForApproval(client, code);
  await finishSignIn(context, { client, email: user.email, outcome: { kind: 'connected', token, user } });
  return true;
}

/** Phones read the address from this code. Without colors, a scanner could see it inverted, so it is omitted. */
async function qrCode({ stderr }: Context, address: string): Promise<Rich> {
  if (!stderr.isTTY || !stderr.hasColor) return '';
  const lines = await drawQrCode(address, stderr.columns);
  return lines === undefined ? '' : [...lines.flatMap((line) => [paint('ink', line), '\n']), '\n'];
}

export async function verify(context: Context, options: VerifyOptions): Promise<void> {
  const session = readStoredSession(context.env);
  const email = await chooseEmail(context, options.email, session);
  const code = await readSecretFrom(context, {
    name: 'code',
    flag: options.code,
    fromStdin: options.codeStdin,
  });
  const client = await anonymousClient(context, session);
  const device = deviceOf(context, { client, email, session });
  const answer = await send(client, deviceVerify, { body: { email, code, ...device } });
  await finishSignIn(context, { client, email, outcome: readConnected(answer) });
}

/** Returns the name of this device and, if the server supports it, an old token as proof that the device is known. */
function deviceOf(
  context: Context,
  { client, email, session }: { client: Client; email: string; session: RemoteSession },
): { deviceName: string; device?: string } {
  const isSame = session.base_url === client.baseUrl && session.email.toLowerCase() === email.toLowerCase();
  const kept = readKnownDevice(context.env, { baseUrl: client.baseUrl, email });
  const device = kept ?? (isSame && session.token !== '' ? session.token : undefined);
  const isRead = device !== undefined && client.server.offers('known-device');
  return { deviceName: deviceName(), ...(isRead ? { device } : {}) };
}

async function finishSignIn(
  context: Context,
  signIn: { client: Client; email: string; outcome: SignIn },
): Promise<void> {
  const { client, email, outcome } = signIn;
  if (outcome.kind !== 'connected') {
    throw new CliError('The server accepted the sign-in but returned no token or user.', {
      code: 'unexpected_answer',
      hint: 'Check the base URL; then sign in again.',
    });
  }
  await updateRemoteSession(context.env, {
    base_url: client.baseUrl,
    email,
    token: outcome.token,
    user: outcome.user,
    pending_verification: null,
  });
  keepKnownDevice(context.env, { baseUrl: client.baseUrl, email }, outcome.token);
  if (tokenOfEnvironment(context.env) !== undefined) {
    context.warn(
      'ORP_TOKEN is set: commands use it, not this sign-in.',
      'Unset ORP_TOKEN to use the sign-in.',
    );
  }
  const userId = readString(outcome.user, 'id') ?? '';
  const shown = { base_url: client.baseUrl, email, user_id: userId, connected: true };
  printResult(context, shown, {
    lines: Object.entries(shown),
    page: () => said('done', `Signed in as ${email} at ${client.baseUrl}.`),
  });
}

async function logout(context: Context): Promise<void> {
  const session = readStoredSession(context.env);
  if (session.token !== '') await revoke(context, session);
  keepKnownDevice(context.env, { baseUrl: session.base_url, email: session.email }, session.token);
  const { base_url } = await clearRemoteSession(context.env);
  const shown = { base_url, connected: false, ok: true };
  printResult(context, shown, {
    lines: Object.entries(shown),
    page: () => said('done', base_url === '' ? 'Signed out.' : `Signed out of ${base_url}.`),
  });
}

/** Revokes the token on the server. Signing out locally does not depend on it. */
async function revoke(context: Context, session: RemoteSession): Promise<void> {
  try {
    const client = await signedInClient({ ...context, env: { ...context.env, ORP_TOKEN: '' } });
    await send({ ...client, timeoutMs: REVOKE_TIMEOUT_MS, retry: NO_RETRY }, revokeToken, {});
  } catch (error) {
    // The token is already revoked or expired.
    if (error instanceof ServerError && error.kind === 'refused' && error.code === 'unauthenticated') return;
    context.warn(
      `Could not revoke the token at ${session.base_url || 'the server'}: ${messageOf(error)}`,
      'The token is removed from this machine. If someone may have copied it, revoke it on the server.',
    );
  }
}

async function whoami(context: Context): Promise<void> {
  const client = await signedInClient(context);
  const answer = await send(client, getMe, {});
  const user = userOf(answer) ?? answer;
  const shown = {
    base_url: client.baseUrl,
    user_id: readString(user, 'id') ?? '',
    email: readString(user, 'email') ?? '',
    name: readString(user, 'name') ?? '',
    connected: true,
  };
  if (shown.user_id === '' && shown.email === '') {
    throw new CliError('The server did not say who is signed in.', {
      code: 'unexpected_answer',
      hint: 'Check the base URL; then sign in again.',
    });
  }
  printResult(context, shown, {
    lines: Object.entries(shown),
    page: () =>
      said('done', [
        `Signed in as ${shown.email || shown.user_id}`,
        shown.name === '' ? '' : ` (${shown.name})`,
        ` at ${shown.base_url}.`,
      ]),
  });
}

async function chooseEmail(
  context: Context,
  flag: string | undefined,
  session: RemoteSession,
): Promise<string> {
  const known = flag?.trim() || session.email;
  if (known !== '') return known;
  const asked = canAsk(context) ? (await ask(context, { message: 'E-mail:', isSecret: false })).trim() : '';
  if (asked !== '') return asked;
  throw usageError('No email given.', 'Pass --email <email>.');
}

/** Masks an address, for example `mi**@example.test`. Hides names of one or two characters completely. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  const name = Array.from(at === -1 ? email : email.slice(0, at));
  const shown = name.length <= 2 ? 0 : 2;
  return name.slice(0, shown).join('') + '*'.repeat(name.length - shown) + (at === -1 ? '' : email.slice(at));
}

/** The name of this device in the list of signed-in devices. */
function deviceName(): string {
  return cut(hostname(), 200);
}
