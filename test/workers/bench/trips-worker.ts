/**
 * The real Worker and object, with every trip between them and D1 counted and, if asked, made as slow as in production.
 * Used by `npm run bench -- wake`. Nothing of this is deployed.
 */

import { env } from 'cloudflare:workers';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { platform } from '../../../workers/base/platform.ts';
import worker, { RunnerMachine as Machine } from '../../../workers/index.ts';
import type { Path } from '../../bench/wake/path.ts';
import { wrapDatabase } from './wrapped-database.ts';

interface Settings {
  /** Added to each round trip, in ms. */
  D1_MS?: string;
  OBJECT_MS?: string;
  /** `off`: the object hears of a new job and tells nobody. */
  WAKES?: string;
}

const settings = env as Env & Settings;
const d1Ms = Number(settings.D1_MS ?? 0);
const objectMs = Number(settings.OBJECT_MS ?? 0);
const isWakeOff = settings.WAKES === 'off';

let ahead = 0;
platform.now = () => Date.now() + ahead;
platform.write = () => undefined;

let current: Path | undefined;
let ended: Path | undefined;

function count(trip: 'd1' | 'object' | 'edge', times = 1): void {
  if (current !== undefined) current[trip] += times;
}

async function wait(ms: number): Promise<void> {
  if (ms > 0) await scheduler.wait(ms);
}

/** @param isCounted false for the request that enqueues, which is over when the path begins */
function slowDatabase(real: D1Database, isCounted: boolean): D1Database {
  return wrapDatabase(real, async (send) => {
    if (isCounted) count('d1');
    await wait(d1Ms / 2);
    const result = await send();
    await wait(d1Ms / 2);
    return result;
  });
}

type Call = (...args: unknown[]) => Promise<unknown>;

function slowObjects(real: Env['RUNNER_MACHINE']): Env['RUNNER_MACHINE'] {
  const getByName = (...name: Parameters<typeof real.getByName>) => {
    const stub = real.getByName(...name) as unknown as Record<string, Call>;
    return new Proxy(stub, {
      get:
        (_, method: string) =>
        async (...args: unknown[]) => {
          count('object');
          await wait(objectMs / 2);
          const result = await stub[method]?.(...args);
          await wait(objectMs / 2);
          return result;
        },
    });
  };
  return { getByName } as unknown as Env['RUNNER_MACHINE'];
}

function slow(bindings: Env, isCounted = true): Env {
  return {
    ...bindings,
    DB: slowDatabase(bindings.DB, isCounted),
    RUNNER_MACHINE: slowObjects(bindings.RUNNER_MACHINE),
  };
}

export class RunnerMachine extends Machine {
  constructor(state: DurableObjectState, bindings: Env) {
    super(state, slow(bindings));
    if (current !== undefined) current.isFresh = true;
  }

  override wake(): void {
    if (!isWakeOff) super.wake();
  }
}

export default {
  async fetch(request, bindings, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/bench/path') return Response.json(ended ?? null);
    if (pathname === '/bench/advance') {
      ahead += Number(searchParams.get('ms'));
      return new Response(null, { status: 204 });
    }
    if (request.method === 'POST' && pathname === enqueueJob.path) {
      current = { d1: 0, object: 0, edge: 0.5, isFresh: false };
      return worker.fetch(request, slow(bindings, false), context);
    }
    count('edge');
    const response = await worker.fetch(request, slow(bindings), context);
    if (pathname.endsWith('/start') && response.ok && current !== undefined) {
      ended = current;
      current = undefined;
    }
    return response;
  },
} satisfies ExportedHandler<Env>;
