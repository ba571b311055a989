/** The compatibility path of workers without a machine. */

import type { Hono } from 'hono';
import * as rows from '../../spec/contract/agent.ts';
import { accept } from '../../spec/errors.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { pollForAgent, respondToCheckpoint } from '../leases/legacy-worker.ts';

export function mountAgent(app: Hono<AppEnv>): void {
  mount(app, rows.pollAgent, async ({ query, auth, deps }) => {
    const lists = { projectRoots: query.projectRoot, notProjectRoots: query.notProjectRoot };
    return accept(await pollForAgent(deps, auth, { ...query, ...lists }));
  });

  mount(app, rows.claimReview, async ({ body, auth, deps }) => accept(await pollForAgent(deps, auth, body)));

  mount(app, rows.respondCheckpoint, async ({ params, body, auth, deps }) => {
    const answered = await respondToCheckpoint(deps, auth, { ...body, checkpointId: params.checkpointId });
    return answered.ok ? accept({ ok: true, id: answered.value.id }) : answered;
  });
}
