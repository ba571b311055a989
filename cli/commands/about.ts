/** `orp about`: which orp this is, where it keeps its files, and which versions its server supports. */

import type { Command } from 'commander';
import { getMe } from '../../spec/contract/auth.ts';
import { clientVersion, heardVersions, hearVersions, newerNotice, tooOldAdvice } from '../base/version.ts';
import { send } from '../client/call.ts';
import { anonymousClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { stateFolder, userFolder } from '../files/paths.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { facts, said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { type Shell, withCommonOptions } from './shell.ts';

const TIMEOUT_MS = 5_000;

export function registerAbout(command: Command, shell: Shell): void {
  withCommonOptions(command).action((options: CommonOptions) => shell.run(options, about));
}

async function about(context: Context): Promise<void> {
  const { env } = context;
  const server = await askServer(context);
  const document = {
    ok: true,
    version: clientVersion(env),
    license: 'MIT',
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    program: process.argv[1] ?? '',
    settings_folder: userFolder(env),
    state_folder: stateFolder(env),
    server,
    advice: tooOldAdvice(env) ?? newerNotice(env)?.split('\n')[0] ?? '',
  };
  const lines: Line[] = Object.entries(document).flatMap(([name, value]): Line[] =>
    typeof value === 'object'
      ? Object.entries(value).map(([inner, text]): Line => [`server.${inner}`, text])
      : [[name, value]],
  );
  const { url, answers, newest, oldest } = server;
  printResult(context, document, {
    lines,
    page: () => [
      said('done', `orp ${document.version}, MIT, on Node ${document.node} (${document.platform})`),
      facts([
        ['Program', document.program],
        ['Settings', document.settings_folder],
        ['State', document.state_folder],
        ['Server', url === '' || answers ? url : `${url} (does not answer, or announces no versions)`],
        ['Supports orp', oldest === '' ? '' : `${oldest} to ${newest || 'the newest'}`],
      ]),
      document.advice === '' ? '' : said('next', document.advice),
    ],
  });
}

/**
 * The address of the server, and the versions that it announces. If the server does not answer, the command still succeeds. If the person
 * has not chosen a server, the command sends no request.
 */
async function askServer(
  context: Context,
): Promise<{ url: string; answers: boolean; newest: string; oldest: string }> {
  const { base_url: signedInAt } = readRemoteSession(context.env);
  const chosen = [context.baseUrl, signedInAt, context.env.ORP_BASE_URL, context.env.CODA_BASE_URL];
  if (!chosen.some((url) => url?.trim())) return { url: '', answers: false, newest: '', oldest: '' };
  const client = { ...(await anonymousClient(context)), timeoutMs: TIMEOUT_MS, retry: NO_RETRY };
  hearVersions(undefined);
  // Without a token the server refuses, and its refusal names the versions, too.
  await send(client, getMe, {}).catch(() => undefined);
  const heard = heardVersions();
  return {
    url: client.baseUrl,
    answers: heard !== undefined,
    newest: heard?.newest ?? '',
    oldest: heard?.oldest ?? '',
  };
}
