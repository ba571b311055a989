/**
 * The hosted side with a clock that jumps and a database that falls silent: the real Worker and object, told by
 * `npm run bench -- chaos` how far ahead of the machine's clock they are and how D1 behaves. Nothing of this is part of
 * what is deployed.
 */

import { env } from 'cloudflare:workers';
import { platform } from '../../../workers/base/platform.ts';
import worker, { RunnerMachine as Machine } from '../../../workers/index.ts';
import { MOODS, moodyDatabase, setMood } from './moody-database.ts';

/** A restarted service goes on where the clock was. */
let ahead = Number((env as Env & { CHAOS_AHEAD_MS?: string }).CHAOS_AHEAD_MS ?? 0);
platform.now = () => Date.now() + ahead;

export class RunnerMachine extends Machine {
  constructor(state: DurableObjectState, bindings: Env) {
    super(state, moody(bindings));
  }

  /** Runs the alarm if the clock has jumped past it; the platform's own timer knows nothing of that clock. */
  async ringIfDue(): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > Date.now() + ahead) return;
    await this.ctx.storage.deleteAlarm();
    await this.alarm();
  }
}

function moody(bindings: Env): Env {
  return { ...bindings, DB: moodyDatabase(bindings.DB) };
}

/** Every alarm that became due rings, as it would have meanwhile. */
async function ringAll(bindings: Env): Promise<void> {
  const { results } = await bindings.DB.prepare("SELECT user_id || '/' || id AS name FROM machines").all<{
    name: string;
  }>();
  await Promise.all(
    results.map(({ name }) => {
      const machine = bindings.RUNNER_MACHINE.getByName(name) as unknown;
      return (machine as DurableObjectStub<RunnerMachine>).ringIfDue();
    }),
  );
}

export default {
  async fetch(request, bindings, context) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/chaos/jump':
        ahead = Number(url.searchParams.get('ahead'));
        await ringAll(bindings);
        return new Response(null, { status: 204 });
      case '/chaos/database':
        setMood(MOODS.find((one) => one === url.searchParams.get('mood')) ?? 'answering');
        return new Response(null, { status: 204 });
      default:
        return worker.fetch(request, moody(bindings), context);
    }
  },
  scheduled: (controller, bindings, context) => worker.scheduled(controller, moody(bindings), context),
} satisfies ExportedHandler<Env>;
