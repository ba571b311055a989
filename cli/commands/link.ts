/** `orp link project …`, `link status`, `link doctor` and `link import-rust`. */

import type { Command } from 'commander';
import { countSessions } from '../../spec/local/session-order.ts';
import { usageError } from '../base/exit.ts';
import { displayPath } from '../files/paths.ts';
import { projectLinkPath, requireGit } from '../git/repository.ts';
import { COMMANDS } from '../output/advice.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { advicePage, facts, said } from '../output/page.ts';
import { adviceLines, type Line, printResult } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';
import { removeProjectLink, requireProjectLink } from '../records/project-link.ts';
import { readSessions } from '../records/sessions/sessions.ts';
import { buildLinkStatus, type LinkStatus } from '../status/link-status.ts';
import { changing } from './changing.ts';
import type { BindOptions } from './link-bind.ts';
import type { DoctorOptions } from './link-doctor.ts';
import { gatherHere } from './link-here.ts';
import { type Shell, withCommonOptions, withJson } from './shell.ts';

interface ImportOptions extends CommonOptions {
  all?: boolean;
}

export function registerLink(group: Command, shell: Shell): void {
  registerProject(group, shell);

  withCommonOptions(
    group
      .command('status')
      .description('show the links, and what this machine still needs before it can take jobs'),
  ).action((options: CommonOptions) => shell.run(options, status));

  withCommonOptions(
    group
      .command('doctor')
      .description('check the links, with a remedy for each problem')
      .option('--strict', 'treat warnings as errors')
      .option('--fix', 'repair what can be repaired without a loss, and say what was done'),
  ).action((options: DoctorOptions) =>
    shell.run(options, async (context) => {
      const { doctor } = await import('./link-doctor.ts');
      return options.fix ? changing(context, () => doctor(context, options)) : doctor(context, options);
    }),
  );

  withJson(
    group
      .command('import-rust')
      .description('import the project and sessions from the desktop app')
      .option('--all', 'import the project and sessions (required)'),
  ).action((options: ImportOptions) =>
    shell.run(options, (context) => changing(context, () => importAll(context, options))),
  );
}

function registerProject(group: Command, shell: Shell): void {
  const project = group.command('project').description('link this repository to an idea');

  withCommonOptions(
    project
      .command('bind')
      .description('link the repository to an idea, locally and on the server')
      .requiredOption('--idea-id <id>', 'idea to link to; `orp ideas list` shows your ideas')
      .option('--idea-title <title>', 'title of the idea, stored locally')
      .option('--name <name>', 'name of the world (default: directory name)')
      .option('--project-root <path>', 'must be the repository root')
      .option('--github-url <url>', 'GitHub repository (default: URL of `origin`)')
      .option('--codex-session-id <id>', "Codex session (default: the primary session's)")
      .option('--notes <text>', 'free text'),
  ).action((options: BindOptions) =>
    shell.run(options, async (context) => {
      const { bindProject } = await import('./link-bind.ts');
      return changing(context, () => bindProject(context, options));
    }),
  );

  withJson(project.command('show').description('show the link of this repository')).action(
    (options: CommonOptions) => shell.run(options, showProject),
  );

  withCommonOptions(project.command('status').description('same as `orp link status`')).action(
    (options: CommonOptions) => shell.run(options, status),
  );

  withJson(
    project
      .command('unbind')
      .description('remove the local link, but keep the sessions and the world on the server'),
  ).action((options: CommonOptions) => shell.run(options, (context) => changing(context, unbindProject)));
}

async function showProject(context: Context): Promise<void> {
  const repository = requireGit(await context.repository());
  const link = requireProjectLink(repository, context.now());
  const path = displayPath(repository.root, projectLinkPath(repository));
  printResult(
    context,
    { ok: true, project_link: link, project_link_path: path },
    {
      lines: [
        ['idea.id', link.idea_id],
        ['idea.title', link.idea_title],
        ['world.id', link.world_id],
        ['world.name', link.world_name],
        ['project.root', link.project_root],
        ['project.link_path', path],
      ],
      page: () => [
        said('note', [`${link.project_root} is linked to `, paint('bold', link.idea_title ?? link.idea_id)]),
        facts([
          ['Idea', link.idea_id],
          ['World', link.world_name],
          ['Record', path],
        ]),
      ],
    },
  );
}

async function unbindProject(context: Context): Promise<void> {
  const repository = requireGit(await context.repository());
  const path = displayPath(repository.root, projectLinkPath(repository));
  const removed = await removeProjectLink(repository, context.now());
  const { noteLinked } = await import('./link-bind.ts');
  const { forgetRoots } = await import('../records/linked-roots.ts');
  await noteLinked(context, () => forgetRoots(context.env, [repository.root]));
  const counts = countSessions(readSessions(repository, context.now()).sessions.map(({ record }) => record));
  const remain = counts.total > 0;
  const document = {
    ok: true,
    removed: removed.existed,
    removed_project_link: removed.link ?? {},
    project_link_path: path,
    session_counts: counts,
    warnings: remain
      ? [`${counts.total} linked ${counts.total === 1 ? 'session remains' : 'sessions remain'}.`]
      : [],
    next_actions: remain ? [COMMANDS.listSessions] : [],
  };
  printResult(context, document, {
    lines: [['removed', document.removed], ['project.link_path', path], ...adviceLines(document)],
    page: () => [
      document.removed
        ? said('done', `Unlinked ${repository.root}.`)
        : said('idle', `${repository.root} was not linked.`),
      advicePage(document),
    ],
  });
}

async function status(context: Context): Promise<void> {
  const document = buildLinkStatus(await gatherHere(context));
  printResult(context, document, { lines: statusLines(document), page: () => linkStatusPage(document) });
}

function statusLines(status: LinkStatus): Line[] {
  const text = (record: object, key: string): string => String(Reflect.get(record, key) ?? '');
  const { project_link: link, primary_session: primary, session_counts: counts } = status;
  return [
    ['project_linked', status.project_link_exists],
    ['routing_ready', status.routing_ready],
    ['project.idea_id', text(link, 'idea_id')],
    ['project.world_id', text(link, 'world_id')],
    ['project.link_path', status.project_link_path],
    ['sessions.total', counts.total],
    ['sessions.active', counts.active],
    ['sessions.archived', counts.archived],
    ['sessions.routeable', counts.routeable],
    ['primary.orp_session_id', text(primary, 'orp_session_id')],
    ['primary.codex_session_id', text(primary, 'codex_session_id')],
    ['hosted.connected', status.hosted_auth.connected],
    ['hosted.email', status.hosted_auth.email],
    ['hosted.world_id', text(status.hosted_world, 'id')],
    ...adviceLines(status),
  ];
}

async function importAll(context: Context, options: ImportOptions): Promise<void> {
  if (!options.all) {
    throw usageError(
      '`orp link import-rust` requires `--all`.',
      'Run `orp link import-rust --all`. It imports the project and sessions together.',
    );
  }
  await (await import('./link-import.ts')).importRust(context);
}

/** The page of `link status`: the links, and what this machine still needs before it can take jobs. */
function linkStatusPage(status: LinkStatus): Rich {
  const text = (record: object, key: string): string => String(Reflect.get(record, key) ?? '');
  const { project_link: link, primary_session: primary, session_counts: counts, hosted_auth } = status;
  const isReady = status.routing_ready && hosted_auth.connected;
  const headline = isReady ? 'This repository can take jobs.' : 'This repository cannot take jobs yet.';
  return [
    said(isReady ? 'done' : 'idle', headline),
    '\n',
    facts([
      ['Repository', status.repo_root],
      ['Idea', status.project_link_exists ? text(link, 'idea_title') || text(link, 'idea_id') : 'not linked'],
      ['World', text(status.hosted_world, 'name') || text(link, 'world_name')],
      ['Sessions', `${counts.routeable} of ${counts.total} can take jobs`],
      ['Primary', text(primary, 'label')],
      ['Account', hosted_auth.connected ? hosted_auth.email : 'not signed in'],
    ]),
    advicePage(status),
  ];
}
