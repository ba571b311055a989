/** What the object tells its runner, and what D1 records of whether a runner listens. */

import type { ChannelEvent } from '../../spec/transport/events.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { closeChannel } from './accept-channel.ts';
import { answerClose, closeSilent, listeningChannel, tellRunner } from './channels.ts';
import { recordListening } from './heartbeats.ts';
import type { MachineAlarm } from './machine-alarm.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** Key of the object's storage: how the machine listens is not written to D1 yet. */
const PRESENCE_DUE = 'presence-due';

/** What the WebSocket protocol calls an end without a close frame. */
const CLOSED_ABNORMALLY = 1006;

interface Parts {
  state: DurableObjectState;
  machine: MachineOf;
  gate: ClaimGate;
  alarm: MachineAlarm;
  deps(): Deps;
}

export class Presence {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Something may be claimable now. */
  wake(): void {
    this.#parts.gate.wake();
    this.tell({ event: 'job.available', data: { ok: true, jobAvailable: true, reason: 'queued' } });
  }

  /** Sends an event to the runner, and closes the channels that have been silent for too long. */
  tell(event: ChannelEvent): void {
    const deps = this.#parts.deps();
    tellRunner(this.#parts.state, event);
    deps.later(this.#closeSilent(deps));
  }

  /** Corrects what is recorded of a channel whose end nobody reported. */
  async check(): Promise<void> {
    const { state, machine } = this.#parts;
    const deps = this.#parts.deps();
    await this.#closeSilent(deps);
    await recordListening(deps, machine, listeningChannel(state));
  }

  /** A channel has ended. */
  async closed(socket: WebSocket, code = CLOSED_ABNORMALLY): Promise<void> {
    answerClose(socket);
    const { state, machine } = this.#parts;
    const deps = this.#parts.deps();
    await this.#orLater(deps, closeChannel({ state, machine, deps }, { socket, code }));
  }

  /** Repeats what D1 did not record. */
  async repair(): Promise<void> {
    const { storage } = this.#parts.state;
    if ((await storage.get(PRESENCE_DUE)) === undefined) return;
    await this.check();
    await storage.delete(PRESENCE_DUE);
  }

  async #closeSilent(deps: Deps): Promise<void> {
    const { state, machine } = this.#parts;
    const heardAt = closeSilent(state);
    if (heardAt !== undefined && listeningChannel(state) === undefined)
      await this.#orLater(deps, recordListening({ ...deps, now: heardAt }, machine, undefined));
  }

  /** Presence that D1 did not record is repaired by the alarm: no other event may come for a day. */
  async #orLater(deps: Deps, recording: Promise<void>): Promise<void> {
    await recording.catch(async (error: unknown) => {
      if (!isPassingFailure(error)) throw error;
      const { machine, alarm, state } = this.#parts;
      deps.log('presence_not_recorded', { machineId: machine.machineId, message: String(error) });
      await alarm.ringSoon(deps.now);
      await state.storage.put(PRESENCE_DUE, true);
    });
  }
}
