/** Runs the claims of one machine one at a time, because other events may run while D1 answers. */

import type { Deps } from '../base/deps.ts';
import type { ClaimOutcome, ClaimRequest, MachineOf } from '../base/machine-api.ts';
import { isTokenLive } from '../base/notify.ts';
import { DatabaseUnavailable } from '../store/database.ts';
import { abilitiesText } from '../store/machines.ts';
import type { Presence } from './announcements.ts';
import { listeningChannel, tellWatchers } from './channel/channels.ts';
import { type ClaimHooks, claimJob, look, type Seen } from './claim.ts';
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

/**
 * How long a read of the queue that began with a wake-up may decide a claim. This is longer than the wake-up takes to reach the runner
 * plus the time until the runner's poll arrives. The statement of the claim checks the facts again.
 */
const LOOK_VALID_MS = 3000;
/**
 * The maximum number of unanswered reads of the queue. If more are needed, wake-ups arrive faster than D1 answers, and further reads
 * would not help.
 */
const LOOKS_LIMIT = 2;

/** A read of the queue ("look") that began before the poll that will use it. */
interface Ahead {
  /**
   * A claim with this look uses the time of the look as the current time, so that it misses no job that becomes due between the look and
   * the claim.
   */
  deps: Deps;
  begunAt: number;
  /** The token of the channel. The look has asked D1 about it. */
  tokenHash: string | undefined;
  own: ClaimHooks['own'];
  mayBeDue: boolean;
  seen: Promise<Seen | undefined>;
  onSeen: ClaimHooks['onSeen'];
  foundNothing: ReturnType<ClaimGate['beginRead']>;
}

export class ClaimLine {
  readonly #parts: Parts;
  #last: Promise<unknown> = Promise.resolve();
  #ahead: Ahead | undefined;
  #looks = 0;

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

  /**
   * Begins to read the queue for the poll that follows a wake-up, while the wake-up travels to the runner. Replaces an earlier
   * look, which may have missed the news. A runner that has a job rarely polls, so then nothing is read.
   */
  lookAhead(): void {
    this.#ahead = undefined;
    const { state, leases } = this.#parts;
    const channel = listeningChannel(state);
    if (leases.hasAny || this.#looks >= LOOKS_LIMIT || channel === undefined) return;
    const ahead = this.#beginLook(channel.caller?.tokenHash);
    this.#looks += 1;
    const seen = look(ahead.deps, this.#parts.machine, ahead)
      // The claim reads the queue again, and reports the failure.
      .catch(() => undefined)
      .finally(() => {
        this.#looks -= 1;
      });
    ahead.deps.later(seen);
    this.#ahead = { ...ahead, seen };
  }

  #beginLook(tokenHash?: string): Omit<Ahead, 'seen'> {
    const { leases, gate } = this.#parts;
    const deps = this.#parts.deps();
    const { own, onHeld } = leases.beginRead(deps);
    const begun = { deps, begunAt: Date.now(), tokenHash, own, mayBeDue: gate.mayBeDue(deps.now) };
    const onSeen = ({ held, nextDueAt }: Seen) => {
      onHeld(held);
      gate.noteLater(nextDueAt);
    };
    return { ...begun, onSeen, foundNothing: gate.beginRead() };
  }

  /** Returns the look that began with the last wake-up, if it is recent and has asked about this token. It is used once. */
  async #takeAhead({
    tokenHash,
    dryRun,
  }: Asked): Promise<(Omit<Ahead, 'seen'> & { seen: Seen }) | undefined> {
    if (dryRun) return undefined;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (tokenHash !== undefined && ahead?.tokenHash !== tokenHash) return undefined;
    const seen = await ahead?.seen;
    if (ahead === undefined || seen === undefined) return undefined;
    const age = Math.max(Date.now() - ahead.begunAt, this.#parts.deps().now - ahead.deps.now);
    return age > LOOK_VALID_MS ? undefined : { ...ahead, seen };
  }

  async #claim(request: Asked): Promise<ClaimOutcome> {
    const { state, leases, gate, alarm } = this.#parts;
    const abilities = abilitiesText(request.abilities);
    const quietUntil = gate.quietUntil(this.#parts.deps().now, abilities);
    if (quietUntil !== undefined && !request.dryRun) {
      const { tokenHash } = request;
      if (tokenHash !== undefined && !(await isTokenLive(this.#parts.deps(), tokenHash)))
        return { kind: 'unauthenticated' };
      return { kind: 'idle', nextAt: quietUntil, draining: gate.isDraining };
    }
    const begun = (await this.#takeAhead(request)) ?? this.#beginLook();
    const { deps, foundNothing } = begun;
    const outcome = await this.#claimWith(request, begun);
    if (outcome.kind === 'claimed') {
      if (outcome.replaced !== undefined) leases.drop(outcome.replaced);
      leases.add(outcome.job);
      await alarm.arm(deps);
      tellWatchers(state, outcome.job.id, { kind: 'moved' });
    }
    if (outcome.kind === 'idle') {
      const { nextAt, draining } = outcome;
      if (request.projectRoots === undefined) foundNothing({ abilities, nextAt, now: deps.now, draining });
      if (listeningChannel(state)) await alarm.announceAt(nextAt, deps.now);
    }
    return outcome;
  }

  /** Claims a job with the facts of a look. The alarm for its lease is set while D1 hands the job out. */
  async #claimWith(
    request: Asked,
    { deps, seen, own, mayBeDue, onSeen }: Omit<Ahead, 'seen'> & { seen?: Seen },
  ): Promise<ClaimOutcome> {
    const { machine, leases, alarm, presence } = this.#parts;
    let arming: Promise<void> | undefined;
    try {
      const outcome = await claimJob(
        deps,
        { ...request, ...machine },
        {
          ...{ seen, own, mayBeDue },
          onSeen,
          onTaking(expiresAt) {
            arming = alarm.expectLease(expiresAt);
            arming.catch(() => undefined);
          },
          onNews: () => presence.wake(),
        },
      );
      await arming;
      return outcome;
    } catch (error) {
      leases.doubt();
      throw error;
    }
  }
}
