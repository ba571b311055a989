/** Sends events to the runner, and records in D1 whether a runner listens. */

import type { ChannelEvent } from '../../spec/transport/events.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { MachineOf } from '../base/machine-api.ts';
import { closeChannel } from './accept-channel.ts';
import { answerClose, closeSilent, listeningChannel, tellRunner } from './channel/channels.ts';
import { recordListening } from './heartbeats.ts';
import type { MachineAlarm } from './machine-alarm.ts';
import type { ClaimGate } from './quiet-queue.ts';

/** The storage key that is set while the presence of the machine is not yet written to D1. */
const PRESENCE_DUE = 'presence-due';

/** The WebSocket close code for an end without a close frame. */
const CLOSED_ABNORMALLY = 1006;

interface Parts {
  state: DurableObjectState;
  machine: MachineOf;
  gate: ClaimGate;
  alarm: MachineAlarm;
  deps(): Deps;
  /** Called after the runner was told that there may be a job. */
  onWake(): void;
}

export class Presence {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Announces that a job may be claimable now. */
  wake(): void {
    this.#parts.gate.wake();
    this.tell({ event: 'job.available', data: { ok: true, jobAvailable: true, reason: 'queued' } });
    this.#parts.onWake();
  }

  /** Sends an event to the runner, and closes the channels that have been silent for too long. */
  tell(event: ChannelEvent): void {
    const deps = this.#parts.deps();
    tellRunner(this.#parts.state, event);
    deps.later(this.#closeSilent(deps));
  }

  /** Corrects the record of a channel whose end was not reported. */
  async check(): Promise<void> {
    const { state, machine } = this.#parts;
    const deps = this.#parts.deps();
    await this.#closeSilent(deps);
    await recordListening(deps, machine, listeningChannel(state));
  }

  /**
   * Handles the end of a channel.
   * @param hadLeases true if the runner may have a job
   */
  async closed(socket: WebSocket, { code = CLOSED_ABNORMALLY, hadLeases = false } = {}): Promise<void> {
    answerClose(socket);
    const { state, machine } = this.#parts;
    const deps = this.#parts.deps();
    // From now on, only the alarm notices that the runner is gone.
    if (hadLeases) await this.#orLater(deps, this.#parts.alarm.arm(deps));
    await this.#orLater(deps, closeChannel({ state, machine, deps }, { socket, code }));
  }

  /** Repeats the write if D1 did not record the presence. */
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

  /** Lets the alarm repair the presence if D1 did not record it, because no other event may occur for a day. */
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
