/** What is going to happen, drawn from the seed alone: the jobs, what people do with them, and the faults in their order. */

import { Random } from './random.ts';

/** How an agent behaves; see `codex/recipe.mjs`. */
const BEHAVIOURS = {
  answer: 62,
  /** It reports a failure. */
  fail: 6,
  /** It goes on when nobody reads its output any more, as a program does that ignores SIGPIPE. */
  goOn: 18,
  /** It leaves a process in its group that holds the pipe. */
  child: 7,
  /** As `child`, in a session of its own. */
  leave: 5,
  /** It ignores SIGINT. */
  stubborn: 2,
} as const;
export type Behaviour = keyof typeof BEHAVIOURS;

export interface Recipe {
  /** Names the job in the journals. */
  key: string;
  behaviour: Behaviour;
  /** How many times it prints, and how much each time. */
  pieces: number;
  pieceBytes: number;
  /** How long it works, about. */
  workMs: number;
}

/** What a person does with the job some time after it was accepted. */
export type Order = 'none' | 'cancel' | 'retry' | 'cancelAndRetry';

export interface PlannedJob {
  recipe: Recipe;
  onLeaseLoss: 'hold' | 'requeue';
  /** `session`: one session of one machine; `idea`: a repository; `any`: whoever comes first. */
  target: { kind: 'session' | 'idea' | 'any'; machine: number; session: number };
  order: Order;
  /** From the acceptance to the order, and from the cancel to its retry. */
  orderAfterMs: number;
}

export const FAULTS = {
  answerDropped: 70,
  answerTorn: 12,
  connectionsCut: 18,
  runnerKilled: 16,
  agentServerKilled: 12,
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
  /** Since the fault before. */
  afterMs: number;
  /** How long what it takes away stays away. */
  lastsMs: number;
  /** Chooses among the variants of the fault. */
  variant: number;
}

export interface Plan {
  jobs: PlannedJob[];
  nextFault(): Fault;
}

/** A run with more jobs lasts long enough to meet every fault often. */
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

/** @param pace how much longer the pauses between faults are */
function planFault(random: Random, machines: number, pace: number): Fault {
  return {
    kind: random.weighted(FAULTS),
    machine: random.between(0, machines - 1),
    afterMs: pace * random.between(30, 300),
    lastsMs: random.between(50, 1500),
    variant: random.next(),
  };
}
