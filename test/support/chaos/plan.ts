/** The plan of a run, drawn only from the seed: the jobs, the orders of people, and the sequence of faults. */

import { Random } from './random.ts';

/** How an agent behaves; see `codex/recipe.mjs`. */
const BEHAVIOURS = {
  answer: 62,
  /** The agent reports a failure. */
  fail: 6,
  /** The agent continues when nobody reads its output, like a program that ignores SIGPIPE. */
  goOn: 18,
  /** The agent leaves a process in its group that keeps the pipe open. */
  child: 7,
  /** Like `child`, but the process has its own session. */
  leave: 5,
  /** The agent ignores SIGINT. */
  stubborn: 2,
} as const;
export type Behaviour = keyof typeof BEHAVIOURS;

export interface Recipe {
  /** The name of the job in the journals. */
  key: string;
  behaviour: Behaviour;
  /** How often the agent prints, and how much each time. */
  pieces: number;
  pieceBytes: number;
  /** About how long the agent works. */
  workMs: number;
}

/** The order of a person some time after the job was accepted. */
export type Order = 'none' | 'cancel' | 'retry' | 'cancelAndRetry';

export interface PlannedJob {
  recipe: Recipe;
  onLeaseLoss: 'hold' | 'requeue';
  /** `session`: one session of one machine; `idea`: a repository; `any`: the first machine that polls. */
  target: { kind: 'session' | 'idea' | 'any'; machine: number; session: number };
  order: Order;
  /** The time from the acceptance to the order, and from the cancel to the retry. */
  orderAfterMs: number;
}

export const FAULTS = {
  answerDropped: 70,
  answerTorn: 12,
  connectionsCut: 18,
  /** The channel is cut in the middle of a heartbeat, a chunk, a message or a receipt. */
  callCut: 30,
  runnerKilled: 16,
  agentServerKilled: 20,
  runnerSlept: 9,
  runnerRestarted: 3,
  runnerDoubled: 3,
  signedOut: 2,
  clockJumped: 5,
  serviceKilled: 2,
  databaseSilent: 3,
  databaseOverloaded: 4,
} as const;
export type FaultKind = keyof typeof FAULTS;

export interface Fault {
  kind: FaultKind;
  machine: number;
  /** The time since the previous fault. */
  afterMs: number;
  /** How long the fault lasts. */
  lastsMs: number;
  /** Chooses among the variants of the fault. */
  variant: number;
}

export interface Plan {
  jobs: PlannedJob[];
  nextFault(): Fault;
}

/** A run with more jobs than this is long enough for every fault to occur often. */
const LARGE = 200;
export const SESSIONS_PER_MACHINE = 2;

export function makePlan(seed: number, size: { jobs: number; machines: number }): Plan {
  const random = new Random(seed);
  const jobs = Array.from({ length: size.jobs }, (_, at) => planJob(random, at, size.machines));
  const faultRandom = new Random(seed ^ 0x5eed);
  const pace = size.jobs > LARGE ? 2 : 1;
  return { jobs, nextFault: () => planFault(faultRandom, size.machines, pace) };
}

function planJob(random: Random, at: number, machines: number): PlannedJob {
  const isLong = random.chance(0.2);
  return {
    recipe: {
      key: `chaos-${at}`,
      behaviour: random.weighted(BEHAVIOURS),
      pieces: random.between(0, isLong ? 8 : 3),
      pieceBytes: random.chance(0.1) ? random.between(10_000, 90_000) : random.between(1, 2000),
      workMs: isLong ? random.between(1000, 3500) : random.between(0, 250),
    },
    onLeaseLoss: random.chance(0.35) ? 'requeue' : 'hold',
    target: {
      kind: random.weighted({ session: 4, idea: 2, any: 4 }),
      machine: random.between(0, machines - 1),
      session: random.between(0, SESSIONS_PER_MACHINE - 1),
    },
    order: random.weighted({ none: 80, cancel: 7, retry: 6, cancelAndRetry: 7 }),
    orderAfterMs: random.between(0, 4000),
  };
}

/** @param pace the factor for the pauses between faults */
function planFault(random: Random, machines: number, pace: number): Fault {
  return {
    kind: random.weighted(FAULTS),
    machine: random.between(0, machines - 1),
    afterMs: pace * random.between(30, 300),
    lastsMs: random.between(50, 1500),
    variant: random.next(),
  };
}
