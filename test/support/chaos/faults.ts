/** Causes the faults of the plan, one after the other, while jobs run, and repairs them afterwards. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DEATHS, orderDeath, readDeaths } from './install-codex.ts';
import type { ChaosMachine } from './machine.ts';
import { FAULTS, type Fault, type FaultKind } from './plan.ts';
import type { ChaosProxy } from './proxy.ts';
import type { ChaosService } from './service.ts';

/** Longer than a lease, so that one jump ends every lease that is not renewed. */
const PAST_THE_LEASE_MS = 130_000;
const PAST_THE_BACKOFF_MS = 30_000;
const HOUR_MS = 3_600_000;
const DRAIN_LIMIT_MS = 20_000;
/** In production cron fires every minute; in this test a minute passes faster. */
const CRON_EVERY_MS = 1500;

/** With more faults than this, runners could not even start. */
const FAULTS_AHEAD = 40;
const FAULTS_PER_JOB = 4;
const LOOK_MS = 100;

/** The routes on which a lost answer is dangerous. The variant of the fault chooses a route. */
const ROUTES = [
  /runner\/jobs\/poll/,
  /jobs\/[^/]+\/start/,
  /jobs\/[^/]+\/complete/,
  /jobs\/[^/]+\/logs/,
  /jobs\/[^/]+\/messages?/,
  /runner\/heartbeat/,
  /./,
];

/**
 * The target of a fault, if it is not a machine. The database may also be silent while the clock jumps or the server dies.
 */
const VICTIMS: Partial<Record<FaultKind, 'service' | 'database'>> = {
  serviceKilled: 'service',
  clockJumped: 'service',
  databaseSilent: 'database',
  databaseOverloaded: 'database',
};
const DATABASE = {};

/** The probability that a fault kills the runner and also its agent server. */
const BOTH_KILLED = 0.3;

/** The factor for silences of the database, which must often be longer than a client waits for one answer. */
const SILENCE_FACTOR = 6;

export type FaultCounts = Record<FaultKind, number>;

export interface Disturbance {
  machine: string;
  /** Epoch ms, from the clock of the machine. */
  at: number;
}

export interface Stage {
  service: ChaosService;
  machines: readonly ChaosMachine[];
  /** The proxy between the person and the server. */
  personProxy: ChaosProxy;
}

export class Faults {
  /** The number of faults that really happened. */
  readonly counts: FaultCounts;
  readonly #stage: Stage;
  readonly #end = new AbortController();
  /** The targets that a fault has stopped and that will be started again. */
  readonly #busy = new Set<object>();
  readonly #pending = new Set<Promise<void>>();
  /**
   * The times when no runner listened to the agents of a machine. Output from these times may be missing, but never wrong.
   */
  readonly disturbances: Disturbance[] = [];
  #failure: unknown;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.counts = Object.fromEntries(Object.keys(FAULTS).map((kind) => [kind, 0])) as FaultCounts;
  }

  /**
   * Causes faults until `recover` is called.
   * @param endedJobs returns the number of ended jobs. Faults wait for it, so that a slow machine can still finish jobs.
   */
  async inject(nextFault: () => Fault, endedJobs: () => number): Promise<void> {
    const cron = setInterval(() => this.#start(this.#stage.service.fireCron()), CRON_EVERY_MS);
    try {
      for (let drawn = 0; !this.#end.signal.aborted && this.#failure === undefined; ) {
        if (drawn > FAULTS_AHEAD + FAULTS_PER_JOB * endedJobs()) {
          await sleep(LOOK_MS);
          continue;
        }
        drawn += 1;
        const fault = nextFault();
        await sleep(fault.afterMs, undefined, { signal: this.#end.signal }).catch(() => undefined);
        if (!this.#end.signal.aborted) this.#start(this.#bringAbout(fault));
      }
    } finally {
      clearInterval(cron);
    }
    await Promise.all(this.#pending);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Causes no more faults. Current faults end at their planned time. */
  recover(): void {
    this.#end.abort();
    for (const { proxy, agentHome } of this.#stage.machines) {
      proxy.disarm();
      orderDeath(agentHome, undefined);
    }
    this.#stage.personProxy.disarm();
  }

  #start(work: Promise<void>): void {
    const tracked = work.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#pending.add(tracked);
    void tracked.finally(() => this.#pending.delete(tracked));
  }

  /** Causes a fault, unless its target already has a fault. */
  async #bringAbout(fault: Fault): Promise<void> {
    const { service, machines } = this.#stage;
    const machine = machines[fault.machine];
    const victim = { service, database: DATABASE, machine }[VICTIMS[fault.kind] ?? 'machine'];
    if (machine === undefined || victim === undefined || this.#busy.has(victim)) return;
    this.#busy.add(victim);
    try {
      await this.#injectOne(fault, machine);
    } finally {
      this.#busy.delete(victim);
    }
  }

  async #injectOne(fault: Fault, machine: ChaosMachine): Promise<void> {
    const { service } = this.#stage;
    switch (fault.kind) {
      case 'answerDropped':
      case 'answerTorn':
        return this.#loseAnswer(fault, machine);
      case 'callCut':
        return machine.proxy.armCall({
          mishap: fault.variant < 0.5 ? 'torn' : 'dropped',
          onHit: () => {
            this.counts.callCut += 1;
          },
        });
      case 'connectionsCut':
        if (this.#proxyOf(fault, machine).cut() > 0) this.counts.connectionsCut += 1;
        return;
      case 'runnerKilled':
        this.counts.runnerKilled += 1;
        this.#disturb(machine);
        await machine.kill();
        // This simulates a machine that loses power.
        if (fault.variant < BOTH_KILLED) await this.#killAgentServer(machine);
        await sleep(fault.lastsMs);
        return machine.start();
      case 'agentServerKilled': {
        const at = Math.floor(fault.variant * 2 * DEATHS.length);
        if (at < DEATHS.length) return orderDeath(machine.agentHome, DEATHS[at]);
        return this.#killAgentServer(machine);
      }
      case 'runnerRestarted':
        this.counts.runnerRestarted += 1;
        // Kill a runner that is busy for longer, as a system does at shutdown.
        if (!(await machine.drain(DRAIN_LIMIT_MS))) {
          this.#disturb(machine);
          await machine.kill();
        }
        return machine.start();
      case 'runnerDoubled':
        if (await machine.startSecond()) this.counts.runnerDoubled += 1;
        return;
      case 'runnerSlept':
        return this.#sleep(fault, machine);
      case 'signedOut':
        this.counts.signedOut += 1;
        await machine.signOut();
        await sleep(fault.lastsMs);
        await machine.signIn();
        // A runner that was still starting refused to start without a sign-in.
        return machine.start();
      case 'clockJumped':
        this.counts.clockJumped += 1;
        return service.advance(fault.variant < 0.2 ? HOUR_MS : PAST_THE_LEASE_MS);
      case 'serviceKilled':
        this.counts.serviceKilled += 1;
        await service.kill();
        await sleep(fault.lastsMs);
        return service.start();
      case 'databaseSilent':
        return this.#haveDatabase('silent', fault);
      case 'databaseOverloaded':
        return this.#haveDatabase('overloaded', fault);
    }
  }

  async #killAgentServer(machine: ChaosMachine): Promise<void> {
    if (!(await machine.killAgentServer())) return;
    this.counts.agentServerKilled += 1;
    this.#disturb(machine);
  }

  /** Counts the agent servers that died when they reached an ordered moment. The count is known only afterwards. */
  countDeaths(): void {
    for (const { name, agentHome } of this.#stage.machines) {
      for (const at of readDeaths(agentHome)) {
        this.counts.agentServerKilled += 1;
        this.disturbances.push({ machine: name, at });
      }
    }
  }

  async #haveDatabase(mood: 'silent' | 'overloaded', fault: Fault): Promise<void> {
    const { service } = this.#stage;
    this.counts[fault.kind] += 1;
    await service.setDatabase(mood);
    await sleep(mood === 'silent' ? SILENCE_FACTOR * fault.lastsMs : fault.lastsMs);
    await service.setDatabase('answering');
  }

  /**
   * Stops a machine for longer than its lease. Before the machine returns, the server reclaims its job or gives the job to
   * another machine.
   */
  async #sleep(fault: Fault, machine: ChaosMachine): Promise<void> {
    this.counts.runnerSlept += 1;
    this.#disturb(machine);
    const wake = await machine.freeze(fault.variant < 0.5);
    try {
      await this.#stage.service.advance(PAST_THE_LEASE_MS);
      await sleep(fault.lastsMs);
      // The reclaimed job is due now, so another machine may run it when this machine returns.
      await this.#stage.service.advance(PAST_THE_BACKOFF_MS);
      await sleep(fault.lastsMs);
    } finally {
      wake();
    }
  }

  #disturb({ name }: ChaosMachine): void {
    this.disturbances.push({ machine: name, at: Date.now() });
  }

  #loseAnswer(fault: Fault, machine: ChaosMachine): void {
    const route = ROUTES[Math.floor(fault.variant * 10) % ROUTES.length] ?? /./;
    const { kind } = fault;
    const mishap = kind === 'answerTorn' ? ('torn' as const) : ('dropped' as const);
    const onHit = () => {
      this.counts[kind === 'answerTorn' ? 'answerTorn' : 'answerDropped'] += 1;
    };
    this.#proxyOf(fault, machine).arm({ route, mishap, onHit });
  }

  /** Returns the proxy for a fault. Sometimes the person's network fails. */
  #proxyOf(fault: Fault, machine: ChaosMachine): ChaosProxy {
    return fault.variant > 0.93 ? this.#stage.personProxy : machine.proxy;
  }
}
