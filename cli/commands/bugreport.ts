/** `orp bugreport`: writes a file for a bug report. The file contains states and versions, but no secrets and no prompts. */

import type { Command } from 'commander';
import { PRIVATE_MODE, writeTextFile } from '../files/json-file.ts';
import { homeOf, resolvePath } from '../files/paths.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { readRemoteSession } from '../records/sign-in-record.ts';
import { secretValues } from '../runner/redaction/environment-secrets.ts';
import { redactText } from '../runner/redaction/redact.ts';
import { maskEmail } from './auth.ts';
import { runChecks } from './doctor.ts';
import { gatherStatus } from './runner-status.ts';
import { type Shell, withJson } from './shell.ts';

interface ReportOptions extends CommonOptions {
  output?: string;
}

export function registerBugReport(command: Command, shell: Shell): void {
  withJson(command.option('--output <path>', 'file to write (default: orp-bugreport.json here)')).action(
    (options: ReportOptions) => shell.run(options, (context) => report(context, options)),
  );
}

async function report(context: Context, { output }: ReportOptions): Promise<void> {
  const path = resolvePath(context.cwd, output?.trim() || 'orp-bugreport.json');
  const [checks, status] = await Promise.all([runChecks(context), gatherStatus(context)]);
  const { machine, service, runner, channel, spool, agent, policy, session_counts } = status;
  const facts = {
    written_at_utc: new Date(context.now()).toISOString(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    checks,
    machine: {
      platform: machine.platform,
      app_version: machine.app_version,
      enabled: machine.runner_enabled,
    },
    ...{ service, runner, channel, spool, agent, session_counts },
    policy: { exists: policy.exists, valid: policy.valid, rules: policy.rules },
    last_error: status.last_error,
    warnings: status.warnings,
  };
  writeTextFile(path, clean(context, `${JSON.stringify(facts, null, 2)}\n`), PRIVATE_MODE);
  printResult(
    context,
    { ok: true, path },
    {
      lines: [
        ['ok', true],
        ['path', path],
      ],
      page: () => [
        said('done', `Wrote ${path}`),
        said('note', 'Secrets, your address and your home folder are replaced. Read it before you send it.'),
      ],
    },
  );
}

/** Replaces secrets, the address of the account and the name of the home folder. */
function clean({ env }: Context, text: string): string {
  const { token, email } = readRemoteSession(env);
  const secrets = secretValues(env, token === '' ? [] : [token]);
  const known = redactText(text, secrets).replaceAll(homeOf(env), '~');
  return email === '' ? known : known.replaceAll(email, maskEmail(email));
}
