/** Ideas and their world. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/ideas.ts';
import { accept } from '../../spec/errors.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import * as features from '../reviews/features.ts';
import * as ideas from '../reviews/ideas.ts';
import { purgeIdea } from '../reviews/purge.ts';
import { listReviews, showReview } from '../reviews/review-history.ts';
import { viewFeature, viewIdea, viewReview, viewWorld } from './idea-views.ts';

export function mountIdeas(app: Hono<AppEnv>): void {
  mount(app, rows.listIdeas, async ({ query, auth, deps }) => {
    const sort = rows.IDEA_SORTS.find((one) => one === query.sort) ?? 'updated_desc';
    const page = await ideas.listIdeas(deps, auth.id, { ...query, sort, cursor: query.cursor });
    if (!page.ok) return page;
    const list = page.value.ideas.map(viewIdea);
    const { nextCursor } = page.value;
    return accept({
      ok: true,
      ideas: list,
      nextCursor,
      hasMore: nextCursor !== undefined,
      sort,
      limit: query.limit,
    });
  });

  mount(app, rows.showIdea, async ({ params, auth, deps }) => {
    const idea = await ideas.findIdea(deps, auth.id, params.ideaId);
    if (!idea.ok) return idea;
    const found = await features.listFeatures(deps, auth.id, params.ideaId);
    if (!found.ok) return found;
    return accept({ ok: true, idea: viewIdea(idea.value), features: found.value.map(viewFeature) });
  });

  mount(app, rows.addIdea, async ({ body, auth, deps }) => {
    const added = await ideas.addIdea(deps, auth.id, body);
    if (!added.ok) return added;
    const idea = viewIdea(added.value);
    return accept({ ok: true, ...idea, idea });
  });

  mount(app, rows.updateIdea, async ({ params, body, auth, deps }) => {
    const updated = await ideas.updateIdea(deps, auth.id, {
      ...body,
      id: params.ideaId,
      updatedAt: body.updatedAt,
    });
    if (!updated.ok) return updated;
    const idea = viewIdea(updated.value);
    return accept({ ok: true, ...idea, idea });
  });

  mount(app, rows.removeIdea, async ({ params, query, auth, deps, context }) => {
    const { ideaId: id } = params;
    const removed = query.purge
      ? await purgeIdea(deps, auth, { id, source: sourceOf(context) })
      : await ideas.removeIdea(deps, auth.id, id);
    return removed.ok ? accept({ ok: true, removedIdeaId: id, ...removed.value }) : removed;
  });

  mount(app, rows.restoreIdea, async ({ params, auth, deps }) => {
    const restored = await ideas.restoreIdea(deps, auth.id, params.ideaId);
    if (!restored.ok) return restored;
    const idea = viewIdea(restored.value);
    return accept({ ok: true, ...idea, idea });
  });

  mount(app, rows.getWorld, async ({ params, auth, deps }) => {
    const world = await ideas.getWorld(deps, auth.id, params.ideaId);
    return world.ok ? accept({ ok: true, world: world.value && viewWorld(world.value) }) : world;
  });

  mount(app, rows.putWorld, async ({ params, body, auth, deps }) => {
    const world = await ideas.bindWorld(deps, auth.id, { ...body, ideaId: params.ideaId });
    return world.ok ? accept({ ok: true, world: viewWorld(world.value) }) : world;
  });
}

/** Features of an idea. */
export function mountFeatures(app: Hono<AppEnv>): void {
  mount(app, rows.listFeatures, async ({ params, auth, deps }) => {
    const found = await features.listFeatures(deps, auth.id, params.ideaId);
    return found.ok ? accept({ ok: true, features: found.value.map(viewFeature) }) : found;
  });

  mount(app, rows.addFeature, async ({ params, body, auth, deps }) => {
    const added = await features.addFeature(deps, auth.id, { ...body, ideaId: params.ideaId });
    if (!added.ok) return added;
    const feature = viewFeature(added.value);
    return accept({ ok: true, ...feature, feature });
  });

  mount(app, rows.updateFeature, async ({ params, body, auth, deps }) => {
    const change = { ...body, id: params.featureId, updatedAt: body.updatedAt };
    const updated = await features.updateFeature(deps, auth.id, change);
    if (!updated.ok) return updated;
    const feature = viewFeature(updated.value);
    return accept({ ok: true, ...feature, feature });
  });

  mount(app, rows.removeFeature, async ({ params, auth, deps }) => {
    const removed = await features.removeFeature(deps, auth.id, params.featureId);
    return removed.ok
      ? accept({ ok: true, removedFeatureId: params.featureId, ideaId: removed.value.ideaId })
      : removed;
  });
}

/** Reviews of an idea. The route that queues a review is in the file of the runner routes. */
export function mountReviews(app: Hono<AppEnv>): void {
  mount(app, rows.listCheckpoints, async ({ params, query, auth, deps }) => {
    const idea = await ideas.findIdea(deps, auth.id, params.ideaId);
    if (!idea.ok) return idea;
    const { limit, cursor: before } = query;
    const found = await listReviews(deps, auth.id, { ideaId: params.ideaId, limit: limit + 1, before });
    const page = found.slice(0, limit);
    const hasMore = found.length > limit;
    const nextCursor = hasMore ? page.at(-1)?.id : undefined;
    return accept({ ok: true, checkpoints: page.map(viewReview), nextCursor, hasMore });
  });

  mount(app, rows.showCheckpoint, async ({ params, auth, deps }) => {
    const found = await showReview(deps, auth.id, params.checkpointId);
    if (!found.ok) return found;
    const { body, sections: structuredOutput } = found.value;
    return accept({
      ok: true,
      checkpoint: { ...viewReview(found.value), body: body ?? undefined, structuredOutput },
    });
  });
}
