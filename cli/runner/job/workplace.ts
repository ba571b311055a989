/**
 * The places where a job may run on this machine: the linked repositories among the candidate roots. Chooses one for a job.
 */

import type { SessionRecord } from '../../records/sessions/session-record.ts';
import type { Candidate, LinkedRepository } from '../../records/sync-payload.ts';
import type { Claim, ClaimedJob } from './claimed-job.ts';
import {
  type LocalRepository,
  type RepoSelection,
  type SessionSelection,
  selectRepository,
  selectSession,
} from './routing.ts';

/** A linked repository for routing, with its local records. */
export interface Workplace extends LocalRepository {
  linked: LinkedRepository;
  sessions: SessionRecord[];
}

/** Returns the linked repositories among the candidates, in the order of the roots. */
export function workplacesOf(candidates: readonly Candidate[]): Workplace[] {
  return candidates.flatMap((candidate) =>
    candidate.kind === 'linked'
      ? [
          {
            root: candidate.root,
            project: candidate.linked.link,
            sessions: candidate.linked.sessions.map((session) => session.record),
            linked: candidate.linked,
          },
        ]
      : [],
  );
}

/** The place of a job, or the reason why there is none and the failure kind. */
export type Placement =
  | {
      kind: 'placed';
      workplace: Workplace;
      session: SessionRecord;
      codexSessionId: string;
      repoSelection: RepoSelection;
      selection: SessionSelection;
    }
  | { kind: 'no_session'; workplace: Workplace; repoSelection: RepoSelection; error: string }
  | { kind: 'no_repository'; repoSelection: RepoSelection; error: string };

/** A claimed job and its place. */
export interface PlacedClaim {
  claim: Claim;
  placement: Placement;
}

/** Returns the repository of a placement, or undefined if there is none. */
export function workplaceOf(placement: Placement): Workplace | undefined {
  return placement.kind === 'no_repository' ? undefined : placement.workplace;
}

/** Chooses repository and session. */
export function placeJob(job: ClaimedJob, workplaces: readonly Workplace[], defaultRoot: string): Placement {
  const choice = selectRepository(job, workplaces, defaultRoot);
  if (choice.kind === 'none') {
    return { kind: 'no_repository', repoSelection: choice.selection, error: choice.selection.error };
  }
  const { repository: workplace, selection: repoSelection } = choice;
  const chosen = selectSession(job, workplace.sessions);
  if (chosen.kind === 'none') return { kind: 'no_session', workplace, repoSelection, error: chosen.error };
  return {
    kind: 'placed',
    workplace,
    session: chosen.session,
    codexSessionId: chosen.codexSessionId,
    repoSelection,
    selection: chosen.selection,
  };
}
