/** Converts ideas, features and worlds to the form of the API. */

import type { z } from 'zod/mini';
import type { ReplyInput } from '../../spec/contract/endpoint.ts';
import type { feature, idea, listCheckpoints, world } from '../../spec/contract/ideas.ts';
import type { Result } from '../../spec/errors.ts';
import { iso } from '../base/iso.ts';
import { type addFeature, sectionsOf } from '../reviews/features.ts';
import type { findIdea, getWorld } from '../reviews/ideas.ts';
import type { listReviews } from '../reviews/review-history.ts';

type IdeaRow = ValueOf<typeof findIdea>;
type FeatureRow = ValueOf<typeof addFeature>;
type WorldRow = NonNullable<ValueOf<typeof getWorld>>;

export function viewIdea(row: IdeaRow): z.input<typeof idea> {
  return {
    id: row.id,
    title: row.title,
    notes: row.notes,
    githubUrl: row.githubUrl ?? undefined,
    linkLabel: row.linkLabel ?? undefined,
    visibility: row.visibility,
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
    deletedAt: iso(row.deletedAt),
  };
}

/** Converts a feature. `detail` and `detailLabel` repeat the first section, for clients that know only one section. */
export function viewFeature(row: FeatureRow): z.input<typeof feature> {
  const sections = sectionsOf(row);
  return {
    id: row.id,
    ideaId: row.ideaId,
    title: row.title,
    notes: row.notes ?? undefined,
    detail: sections[0]?.body,
    detailLabel: sections[0]?.label,
    detailSections: sections,
    starred: row.starred === 1,
    superStarred: row.superStarred === 1,
    completed: row.completed === 1,
    visibility: row.visibility ?? undefined,
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

export function viewWorld(row: WorldRow): z.input<typeof world> {
  return {
    id: row.id,
    ideaId: row.ideaId,
    name: row.name,
    projectRoot: row.projectRoot ?? undefined,
    githubUrl: row.githubUrl ?? undefined,
    codexSessionId: row.codexSessionId ?? undefined,
    status: row.status,
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

type Review = Awaited<ReturnType<typeof listReviews>>[number];

export function viewReview(row: Review): ReplyInput<typeof listCheckpoints>['checkpoints'][number] {
  return {
    id: row.id,
    ideaId: row.ideaId,
    worldId: row.worldId ?? undefined,
    jobId: row.jobId,
    triggerType: row.triggerType,
    status: row.jobStatus ?? row.status,
    createdAt: new Date(row.createdAt).toISOString(),
    respondedAt: iso(row.respondedAt),
    summary: row.summary ?? undefined,
    error: row.error ?? undefined,
  };
}

/** The value of an accepted result. */
export type ValueOf<Service extends (...args: never[]) => Promise<Result<unknown>>> =
  Awaited<ReturnType<Service>> extends infer Outcome
    ? Outcome extends { ok: true; value: infer Value }
      ? Value
      : never
    : never;
