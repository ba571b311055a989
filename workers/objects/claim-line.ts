/** Runs the claims of one machine one at a time, because other events may run while D1 answers. */

import type { Deps } from '../base/deps.ts';
import type { ClaimOutcome, ClaimRequest, MachineOf } from '../base/machine-api.ts';
import { DatabaseUnavailable } from '../store/database.ts';
import { abilitiesText } from '../store/machines.ts';
import type { Presence } from './announcements.ts';
import { listeningChannel, tellWatchers } from './channels.ts';
import { claimJob } from './claim.ts';
import type { LiveLeases } from './live-leases.ts';
import type { MachineAlarm } from './machine-alarm.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** A claim that has waited longer than this is not begun, because its runner will soon poll again. */
const CLAIM_LINE_MS = 3000;

export type Asked = Omit<ClaimRequest, 'userId' | 'machineId'>;

interface Parts {
  state: DurableObjectState;
  machine: MachineOf;
  leases: LiveLeases;
  gate: ClaimGate;
  alarm: MachineAlarm;
  presence: Presence;
  deps(): Deps;
}

export class ClaimLine {
  readonly #parts: Parts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  claim(request: Asked): Promise<ClaimOutcome> {
    const arrivedAt = Date.now();
    const turn = this.#last.then(() => {
      if (Date.now() - arrivedAt > CLAIM_LINE_MS)
        throw new DatabaseUnavailable('the claims before this one took too long');
      return this.#claim(request);
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #claim(request: Asked): Promise<ClaimOutcome> {
    const { state, machine, leases, gate, alarm, presence } = this.#parts;
    const deps = this.#parts.deps();
    const abilities = abilitiesText(request.abilities);
    const quietUntil = gate.quietUntil(deps.now, abilities);
    if (quietUntil !== undefined && !request.dryRun)
      return { kind: 'idle', nextAt: quietUntil, draining: gate.isDraining };
    const foundNothing = gate.beginRead(abilities);
    const hooks = { onHeld: leases.beginRead(deps), onNews: () => presence.wake() };
    const outcome = await claimJob(deps, { ...request, ...machine }, hooks).catch((error: unknown) => {
      leases.doubt();
      throw error;
    });
    if (outcome.kind === 'claimed') {
      if (outcome.replaced !== undefined) leases.drop(outcome.replaced);
      leases.add(outcome.job);
      await alarm.arm(deps);
      tellWatchers(state, outcome.job.id, { kind: 'moved' });
    }
    if (outcome.kind === 'idle') {
      const { nextAt, draining } = outcome;
      if (request.projectRoots === undefined) foundNothing({ nextAt, now: deps.now, draining });
      if (listeningChannel(state)) await alarm.announceAt(outcome.nextAt, deps.now);
    }
    return outcome;
  }
}
