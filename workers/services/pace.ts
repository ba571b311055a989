/**
 * Keeps one account from taking the processor from the others. Each account has a budget of bytes in this isolate; what a
 * request moved and read is charged when it is done. An account that has overspent, or has many requests under way, waits
 * its turn; one that would wait too long is refused. Deliveries of a runner (`paced: false` in the contract) never wait.
 */

import { PACE } from '../../spec/bounds.ts';

interface Account {
  /** Bytes it may still spend; negative after an expensive request. */
  budget: number;
  /** When the budget was last refilled, in ms of the pacer's clock. */
  refilledAt: number;
  /** When each request under way began, and when each that waits came. The platform may end a request without a word. */
  underWay: Set<Ticket>;
  waiting: Set<Ticket>;
}

interface Ticket {
  at: number;
}

export interface PacerClock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** A turn: `done` charges what the request cost. `retryAfterMs`: refused, and when to come again. */
export type Turn = { kind: 'go'; done(bytes: number): void } | { kind: 'refused'; retryAfterMs: number };

const REAL_CLOCK: PacerClock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Accounts remembered at most; one with a full budget and nothing under way is forgotten first. */
const REMEMBERED = 10_000;

export class Pacer {
  readonly #clock: PacerClock;
  readonly #accounts = new Map<string, Account>();

  constructor(clock: PacerClock = REAL_CLOCK) {
    this.#clock = clock;
  }

  /** Waits for a turn, about `PACE.waitMs` at most. Every request waits with a timer of its own: one that ends holds up no other. */
  async enter(userId: string): Promise<Turn> {
    const account = this.#accountOf(userId);
    this.#refresh(account);
    if (account.waiting.size === 0 && mayGo(account)) return this.#go(account);
    if (account.waiting.size >= PACE.waiting || waitOf(account) > PACE.waitMs) return refused(account);
    const ticket = { at: this.#clock.now() };
    account.waiting.add(ticket);
    try {
      return await this.#wait(account, ticket);
    } finally {
      account.waiting.delete(ticket);
    }
  }

  async #wait(account: Account, { at }: Ticket): Promise<Turn> {
    for (;;) {
      // Many who wait look less often each: their looks must not take what they wait for.
      const pause = PACE.lookMs + account.waiting.size * PACE.lookPerWaiterMs;
      await this.#clock.sleep(Math.max(waitOf(account), pause));
      this.#refresh(account);
      if (mayGo(account)) return this.#go(account);
      if (this.#clock.now() - at > PACE.waitMs) return refused(account);
    }
  }

  #go(account: Account): Turn {
    const ticket = { at: this.#clock.now() };
    account.underWay.add(ticket);
    account.budget -= PACE.requestBytes;
    return {
      kind: 'go',
      done: (bytes) => {
        account.underWay.delete(ticket);
        account.budget -= bytes;
      },
    };
  }

  #refresh(account: Account): void {
    this.#refill(account);
    const now = this.#clock.now();
    for (const ticket of account.underWay)
      if (now - ticket.at > PACE.forgottenMs) account.underWay.delete(ticket);
    for (const ticket of account.waiting)
      if (now - ticket.at > PACE.forgottenMs) account.waiting.delete(ticket);
  }

  #refill(account: Account): void {
    const now = this.#clock.now();
    const earned = ((now - account.refilledAt) * PACE.bytesPerSecond) / 1000;
    account.budget = Math.min(PACE.burstBytes, account.budget + Math.max(0, earned));
    account.refilledAt = now;
  }

  #accountOf(userId: string): Account {
    const known = this.#accounts.get(userId);
    if (known !== undefined) return known;
    if (this.#accounts.size >= REMEMBERED) this.#forgetIdle();
    const account: Account = {
      budget: PACE.burstBytes,
      refilledAt: this.#clock.now(),
      underWay: new Set(),
      waiting: new Set(),
    };
    this.#accounts.set(userId, account);
    return account;
  }

  #forgetIdle(): void {
    for (const [userId, account] of this.#accounts) {
      this.#refresh(account);
      const isIdle = account.underWay.size === 0 && account.waiting.size === 0;
      if (isIdle && account.budget >= PACE.burstBytes) this.#accounts.delete(userId);
    }
  }
}

function mayGo({ budget, underWay }: Account): boolean {
  return budget > 0 && underWay.size < PACE.underWay;
}

/** Ms until the budget is positive again. */
function waitOf({ budget }: Account): number {
  return budget > 0 ? 0 : Math.ceil(((1 - budget) * 1000) / PACE.bytesPerSecond);
}

function refused(account: Account): Turn {
  return { kind: 'refused', retryAfterMs: Math.max(waitOf(account), 1000) };
}

/** The accounts of this isolate. */
export const pacer = new Pacer();
