/** The place of a job in JSON documents. A dry run and a real run show it in the same form. */

import { type ShownSession, showSession } from '../../records/sessions/shown-session.ts';
import type { MatchField, SessionSelection } from './routing.ts';
import type { Placement } from './workplace.ts';

/** The chosen session, and the reasons for the choice of its repository. */
export type ShownSelection = SessionSelection & {
  repo_selection_source: string;
  selected_repo_root: string;
  matched_fields: MatchField[];
};

export interface ShownPlacement {
  selectedRepoRoot: string;
  selectedSession: ShownSession | null;
  selection: ShownSelection | null;
}

/**
 * Converts a placement for display.
 * @param root the root of `--repo-root`; paths inside it are shown relative to it
 */
export function showPlacement(placement: Placement, root: string): ShownPlacement {
  const selectedRepoRoot = placement.kind === 'no_repository' ? '' : placement.workplace.root;
  if (placement.kind !== 'placed') return { selectedRepoRoot, selectedSession: null, selection: null };
  const { workplace, session, repoSelection } = placement;
  const stored = workplace.linked.sessions.find(({ record }) => record === session);
  return {
    selectedRepoRoot,
    selectedSession: stored === undefined ? null : showSession(root, stored),
    selection: {
      ...placement.selection,
      repo_selection_source: repoSelection.source,
      selected_repo_root: selectedRepoRoot,
      matched_fields: repoSelection.matched_fields ?? [],
    },
  };
}
