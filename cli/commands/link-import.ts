/** `orp link import-rust --all` and `orp link session import-rust`. */

import { countSessions } from '../../spec/local/session-order.ts';
import { displayPath } from '../files/paths.ts';
import { projectLinkPath, requireGit } from '../git/repository.ts';
import type { Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { importFromRust } from '../records/rust-import.ts';
import { primaryOf } from '../records/sessions/sessions.ts';
import { showSession } from '../records/sessions/shown-session.ts';
import { noteLinked } from './link-bind.ts';

/** Imports, and prints the result. */
export async function importRust(context: Context): Promise<void> {
  const repository = requireGit(await context.repository());
  const { root } = repository;
  const result = await importFromRust(repository, context.now());
  if (result.link !== undefined) {
    const { rememberRoot } = await import('../records/linked-roots.ts');
    await noteLinked(context, () => rememberRoot(context.env, root));
  }
  const primary = primaryOf(result.sessions);
  const skipped = result.skippedPaths.map((path) => displayPath(root, path));
  const document = {
    ok: true,
    imported_project: result.link !== undefined,
    project_link: result.link ?? {},
    project_link_path: displayPath(root, projectLinkPath(repository)),
    imported_sessions: result.imported.map((session) => showSession(root, session)),
    imported_session_count: result.imported.length,
    primary_session: primary === undefined ? {} : showSession(root, primary),
    session_counts: countSessions(result.sessions.map(({ record }) => record)),
    rust_project_path: displayPath(root, result.projectPath),
    rust_sessions_dir: displayPath(root, result.sessionsFolder),
    ignored_codex_session_ids: result.ignoredCodexIds,
    skipped_paths: skipped,
  };
  printResult(context, document, {
    lines: [
      ['imported_project', document.imported_project],
      ['imported_sessions', document.imported_session_count],
      ['primary.orp_session_id', primary?.record.orp_session_id],
      ...skipped.map((path): Line => ['warning', `Skipped ${path}: it is not JSON, or has no id or label.`]),
    ],
    page: () => [
      said(
        'done',
        `Imported ${document.imported_project ? 'the project and ' : ''}${result.imported.length} ${result.imported.length === 1 ? 'session' : 'sessions'}.`,
      ),
      ...skipped.map((path) => said('warning', `Skipped ${path}: it is not JSON, or has no id or label.`)),
    ],
  });
}
