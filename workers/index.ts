/** The entry points of the platform: requests, the cron trigger, and the object class. */

import { makeApp } from './app.ts';
import { makeDeps } from './base/deps.ts';
import { runCron } from './cron.ts';
import { RunnerMachine } from './objects/runner-machine.ts';

export { RunnerMachine };

const app = makeApp();
RunnerMachine.application = async (request, env, context) => app.fetch(request, env, context);

export default {
  fetch: app.fetch,
  async scheduled(_controller, env, context) {
    await runCron(makeDeps({ env, waitUntil: (work) => context.waitUntil(work) }));
  },
} satisfies ExportedHandler<Env>;
