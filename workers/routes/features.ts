/** Features of an idea. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/ideas.ts';
import { accept } from '../../spec/errors.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import * as features from '../reviews/features.ts';
import { viewFeature } from './idea-views.ts';

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
