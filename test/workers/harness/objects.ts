/** The object of a machine from outside: its alarm, the loss of its memory, and the cron. */

import {
  createExecutionContext,
  createScheduledController,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import worker from '../../../workers/index.ts';
import { currentTime } from './clock.ts';
import type { Machine } from './machines.ts';

function objectOf({ owner, machineId }: Machine) {
  return env.RUNNER_MACHINE.getByName(`${owner.userId}/${machineId}`);
}

/** The object forgets everything it holds in memory. One that does not run has nothing to forget. */
export async function evict(machine: Machine): Promise<void> {
  await evictDurableObject(objectOf(machine)).catch((error: unknown) => {
    if (!String(error).includes('not currently running')) throw error;
  });
}

/** Fires the alarm if one is set and its time has come; answers whether it was. */
export async function fireAlarm(machine: Machine): Promise<boolean> {
  const at = await alarmAt(machine);
  return at !== undefined && at <= currentTime() && runDurableObjectAlarm(objectOf(machine));
}

export async function alarmAt(machine: Machine): Promise<number | undefined> {
  return runInDurableObject(
    objectOf(machine),
    async (_, { storage }) => (await storage.getAlarm()) ?? undefined,
  );
}

/** Runs `work` inside the object. */
export function inside<T>(machine: Machine, work: (state: DurableObjectState) => T | Promise<T>): Promise<T> {
  return runInDurableObject(objectOf(machine), (_, state) => work(state));
}

export async function fireCron(): Promise<void> {
  const context = createExecutionContext();
  const controller = createScheduledController({ scheduledTime: new Date(currentTime()), cron: '* * * * *' });
  await worker.scheduled(controller, env, context);
  await waitOnExecutionContext(context);
}

/** Fires cron until every machine that is due was visited: machines of other tests may be due first. */
export async function fireCronForAll(): Promise<void> {
  const due = env.DB.prepare('SELECT 1 FROM machines WHERE visit_at <= ?').bind(currentTime());
  do await fireCron();
  while ((await due.first()) !== null);
}
