/** `orp world show|bind`. */

import type { Command } from 'commander';
import { getWorld, putWorld } from '../../spec/contract/ideas.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { stripCredentials } from '../git/git-remote.ts';
import { withId } from '../hosted/whole-id.ts';
import { worldLines, worldOf, worldPage } from '../hosted/world.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { printResult } from '../output/print.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface BindOptions extends CommonOptions {
  name?: string;
  projectRoot?: string;
  githubUrl?: string;
  codexSessionId?: string;
}

export function registerWorld(group: Command, shell: Shell): void {
  withCommonOptions(
    group.command('show').description('show the repository bound to an idea').argument('<idea-id>'),
  ).action((id: string, options: CommonOptions) => shell.run(options, (context) => show(context, id)));

  withCommonOptions(
    group
      .command('bind')
      .description('change the repository bound to an idea; an empty value clears a field')
      .argument('<idea-id>')
      .option('--name <name>', 'name of the world')
      .option('--project-root <path>', 'absolute path of the repository on its machine')
      .option('--github-url <url>', 'GitHub repository')
      .option('--codex-session-id <id>', 'session that reviews checkpoints'),
  ).action((id: string, options: BindOptions) => shell.run(options, (context) => bind(context, id, options)));
}

async function show(context: Context, id: string): Promise<void> {
  const client = await signedInClient(context);
  const answer = await withId(client, { kind: 'idea', given: id }, (ideaId) =>
    send(client, getWorld, { params: { ideaId } }),
  );
  const world = worldOf(answer);
  printResult(
    context,
    { ok: answer.ok === undefined || Boolean(answer.ok), world },
    {
      lines: worldLines(world, ['id', 'name', 'project_root', 'github_url', 'codex_session_id', 'status']),
      page: () => worldPage(world, { ideaId: id, isChanged: false }),
    },
  );
}

async function bind(context: Context, id: string, options: BindOptions): Promise<void> {
  const client = await signedInClient(context);
  const body = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.projectRoot === undefined ? {} : { projectRoot: options.projectRoot.trim() || null }),
    ...(options.githubUrl === undefined ? {} : { githubUrl: stripCredentials(options.githubUrl) || null }),
    ...(options.codexSessionId === undefined
      ? {}
      : { codexSessionId: options.codexSessionId.trim() || null }),
  };
  const answer = await withId(client, { kind: 'idea', given: id }, (ideaId) =>
    send(client, putWorld, { params: { ideaId }, body }),
  );
  const world = worldOf(answer);
  printResult(
    context,
    { ok: answer.ok === undefined || Boolean(answer.ok), world },
    {
      lines: worldLines(world, ['id', 'name', 'project_root', 'codex_session_id', 'status']),
      page: () => worldPage(world, { ideaId: id, isChanged: true }),
    },
  );
}
