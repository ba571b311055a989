/** The application: the middleware of every request, then the routes of the API and the pages. */

import { Hono } from 'hono';
import type { AppEnv } from './http/app-env.ts';
import { announced, begin, securely, signedIn } from './http/begin.ts';
import { noRoute, unexpected } from './http/error-answers.ts';
import { mountHealth, mountMetrics } from './operations/monitoring.ts';
import { makePages } from './pages/pages.ts';
import { mountAdmin } from './routes/admin.ts';
import { mountAgent } from './routes/agent.ts';
import { mountAuth } from './routes/auth.ts';
import { mountEvents } from './routes/events.ts';
import { mountFeatures, mountIdeas, mountReviews } from './routes/ideas.ts';
import { mountJobs } from './routes/jobs.ts';
import { mountMachines } from './routes/machines.ts';
import { mountOwnSignIns } from './routes/own-sign-ins.ts';
import { mountPeople } from './routes/people.ts';
import { mountRunner } from './routes/runner.ts';
import { mountTimelines, mountWorkspaces } from './routes/workspaces.ts';

export function makeApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.use(securely);
  app.use('/api/*', announced);
  app.use(begin);
  app.use('/api/cli/*', signedIn);
  app.use('/api/auth/*', signedIn);
  app.use('/api/admin/*', signedIn);

  mountAuth(app);
  mountOwnSignIns(app);
  mountIdeas(app);
  mountFeatures(app);
  mountReviews(app);
  mountWorkspaces(app);
  mountTimelines(app);
  mountRunner(app);
  mountAgent(app);
  mountJobs(app);
  mountMachines(app);
  mountEvents(app);
  mountAdmin(app);
  mountPeople(app);

  mountHealth(app);
  mountMetrics(app);

  app.all('/api/*', noRoute);
  app.onError(unexpected);
  app.route('/', makePages());
  return app;
}
