/** `orp link project bind`: binds the world on the server first, then writes the local record. */

import { basename } from 'node:path';
import { putWorld, showIdea } from '../../spec/contract/ideas.ts';
import { countSessions } from '../../spec/local/session-order.ts';
import { SCHEMA_VERSION } from '../../spec/local/vocabulary.ts';
import { messageOf, usageError } from '../base/exit.ts';
import { send } from '../client/call.ts';
import { type Client, signedInClient } from '../client/client.ts';
import { NO_RETRY } from '../client/retry.ts';
import { compact, readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { displayPath, resolvePath } from '../files/paths.ts';
import { formatTimestamp } from '../files/timestamps.ts';
import { originUrl, stripCredentials } from '../git/git-remote.ts';
import { type LinkableRepository, projectLinkPath, requireGit } from '../git/repository.ts';
import { wholeId } from '../hosted/whole-id.ts';
import { worldOf } from '../hosted/world.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { paint } from '../output/text-output.ts';
import { type ProjectLink, readProjectLink, writeProjectLink } from '../records/project-link.ts';
import { primaryOf, readSessions } from '../records/sessions/sessions.ts';
import { readRemoteSession, requireAuth } from '../records/sign-in-record.ts';

export interface BindOptions extends CommonOptions {
  ideaId: string;
  ideaTitle?: string;
  name?: string;
  projectRoot?: string;
  githubUrl?: string;
  codexSessionId?: string;
  notes?: string;
}

/** Binds the repository. If the server refuses, nothing changes locally. */
export async function bindProject(context: Context, options: BindOptions): Promise<void> {
  const repository = requireGit(await context.repository());
  requireAuth(context.env);
  requireSameRoot(options.projectRoot, repository, context.cwd);
  const given = options.ideaId.trim();
  if (given === '') throw usageError('--idea-id is blank.', '`orp ideas list` shows your ideas.');

  const client = await signedInClient(context);
  const ideaId = await wholeId(client, 'idea', given);
  const binding = await chooseBinding(context, { repository, options, ideaId });
  binding.ideaTitle ??= await askTitle(client, ideaId);
  const answer = await send(client, putWorld, { params: { ideaId }, body: binding.body });
  const world = worldOf(answer);
  const link = await writeProjectLink(
    repository,
    linkAfter(context, { world, binding, repository, options }),
    context.now(),
  );
  const { rememberRoot } = await import('../records/linked-roots.ts');
  await noteLinked(context, () => rememberRoot(context.env, repository.root));

  const path = displayPath(repository.root, projectLinkPath(repository));
  const sessions = readSessions(repository, context.now()).sessions;
  const counts = countSessions(sessions.map(({ record }) => record));
  printResult(
    context,
    { ok: true, project_link: link, project_link_path: path, world, session_counts: counts },
    {
      lines: [
        ['idea.id', link.idea_id],
        ['world.id', link.world_id],
        ['world.name', link.world_name],
        ['project.link_path', path],
        ['sessions.total', counts.total],
      ],
      page: () =>
        said('done', [
          `Linked ${repository.root} to `,
          paint('bold', link.idea_title ?? link.idea_id),
          ` · ${link.idea_id}`,
        ]),
    },
  );
}

/** Adds the repository to the list of linked repositories. The link is complete without it, so a failure only warns. */
export async function noteLinked(context: Context, note: () => Promise<void>): Promise<void> {
  try {
    await note();
  } catch (error) {
    context.warn(
      `Could not update the list of linked repositories: ${messageOf(error)}`,
      'Only `--all-linked` needs it. Make the state folder writable, then run the command again.',
    );
  }
}

/** The timeout for fetching the idea's title. It is short, because the title only helps people recognize the idea. */
const TITLE_TIMEOUT_MS = 5_000;

async function askTitle(client: Client, ideaId: string): Promise<string | undefined> {
  try {
    const hasty = { ...client, timeoutMs: TITLE_TIMEOUT_MS, retry: NO_RETRY };
    const answer = await send(hasty, showIdea, { params: { ideaId } });
    return readString(isObject(answer.idea) ? answer.idea : answer, 'title');
  } catch {
    // If the request fails, ignore the error, because the link works without a title.
    return undefined;
  }
}

/** Rejects a `--project-root` other than the current repository, because the link is stored in that repository. */
export function requireSameRoot(path: string | undefined, repository: LinkableRepository, cwd: string): void {
  if (path === undefined || path.trim() === '' || resolvePath(cwd, path) === repository.root) return;
  throw usageError(
    `--project-root ${resolvePath(cwd, path)} is not the repository root ${repository.root}.`,
    'Pass --repo-root to work in another repository.',
  );
}

interface Binding {
  ideaId: string;
  ideaTitle: string | undefined;
  body: { name: string; projectRoot: string; githubUrl?: string; codexSessionId?: string };
  /** The world id of the current link, if that link is for the same idea. */
  worldId: string | undefined;
}

/**
 * Returns the fields to send. Each value comes from a flag, else from the stored link (even if the idea changes, as in
 * v0.4.4), else from the repository. Unknown fields are omitted and not cleared, because the server may have them from
 * another machine.
 */
async function chooseBinding(
  context: Context,
  choice: { repository: LinkableRepository; options: BindOptions; ideaId: string },
): Promise<Binding> {
  const { repository, options, ideaId } = choice;
  const stored = readProjectLink(repository, context.now());
  const githubUrl =
    stripCredentials(options.githubUrl ?? '') ||
    stored?.github_url ||
    (await originUrl(repository.root, context.env));
  const primary = primaryOf(readSessions(repository, context.now()).sessions);
  const codexSessionId = options.codexSessionId?.trim() || primary?.record.codex_session_id;
  return {
    ideaId,
    ideaTitle: options.ideaTitle?.trim() || stored?.idea_title,
    worldId: stored?.idea_id === ideaId ? stored.world_id : undefined,
    body: {
      name: options.name?.trim() || stored?.world_name || basename(repository.root),
      projectRoot: repository.root,
      ...(githubUrl ? { githubUrl } : {}),
      ...(codexSessionId ? { codexSessionId } : {}),
    },
  };
}

function linkAfter(
  context: Context,
  bound: {
    world: JsonObject;
    binding: Binding;
    repository: LinkableRepository;
    options: BindOptions;
  },
): ProjectLink {
  const { world, binding, repository, options } = bound;
  const githubUrl = readString(world, 'githubUrl') ?? binding.body.githubUrl;
  return compact<ProjectLink>({
    schema_version: SCHEMA_VERSION,
    idea_id: binding.ideaId,
    project_root: repository.root,
    linked_at_utc: formatTimestamp(context.now()),
    idea_title: binding.ideaTitle,
    world_id: readString(world, 'id') ?? binding.worldId,
    world_name: readString(world, 'name') ?? binding.body.name,
    github_url: githubUrl === undefined ? undefined : stripCredentials(githubUrl),
    linked_email: readRemoteSession(context.env).email,
    notes: options.notes?.trim(),
    source: 'cli',
  });
}
