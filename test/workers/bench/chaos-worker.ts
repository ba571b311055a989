/**
 * The hosted side with a clock that jumps: the real Worker and object, told by `npm run bench -- chaos` how far ahead of
 * the machine's clock they are. Nothing of this is part of what is deployed.
 */

import { env } from 'cloudflare:workers';
import { useInTests } from '../../../workers/deps.ts';
import worker, { RunnerMachine as Machine } from '../../../workers/index.ts';

/** A restarted service goes on where the clock was. */
let ahead = Number((env as Env & { CHAOS_AHEAD_MS?: string }).CHAOS_AHEAD_MS ?? 0);
useInTests({ clock: { now: () => Date.now() + ahead } });

export class RunnerMachine extends Machine {
  /** Runs the alarm if the clock has jumped past it; the platform's own timer knows nothing of that clock. */
  async ringIfDue(): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > Date.now() + ahead) return;
    await this.ctx.storage.deleteAlarm();
    await this.alarm();
  }
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
    if (url.pathname !== '/chaos/jump') return worker.fetch(request, bindings, context);
    ahead = Number(url.searchParams.get('ahead'));
    await ringAll(bindings);
    return new Response(null, { status: 204 });
  },
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
