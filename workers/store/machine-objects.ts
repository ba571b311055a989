/** The `RunnerMachine` objects, by name. Every attempt uses a new stub: a stub that threw is broken. */

import type { UserId } from '../../spec/ids.ts';

/** Generic in the stub, so that this folder need not know what the object can do. */
export interface Machines<Stub> {
  /** Calls the object of one machine; retries twice after a restart, never after an overload. */
  call<T>(machine: MachineKey, ask: (stub: Stub) => Promise<T>): Promise<T>;
  /**
   * Notifies the object of one machine. It is a hint: a lost one is logged and the promise still resolves. It also reaches the object
   * when nobody awaits it: await it only if the answer must not overtake it.
   */
  tell(machine: MachineKey, work: (stub: Stub) => Promise<unknown>): Promise<void>;
  /** Opens a channel to the object. */
  connect(machine: MachineKey, request: Request): Promise<Response>;
}

export interface MachineKey {
  userId: UserId | string;
  machineId: string;
}

const TRIES = 3;

/** Account and machine together: an account never reaches the object of another account's machine. */
export function machineName({ userId, machineId }: MachineKey): string {
  return `${userId}/${machineId}`;
}

interface Namespace<Stub> {
  getByName(name: string): Stub;
}

/** How hints are sent and logged. */
interface Hints {
  /** Lets a call go on after the Worker has sent its answer. */
  keepAlive(work: Promise<void>): void;
  onLost(machine: MachineKey, error: unknown): void;
}

export function machineObjects<Stub extends { fetch(request: Request): Promise<Response> }>(
  namespace: Namespace<Stub>,
  { keepAlive, onLost }: Hints,
): Machines<Stub> {
  const stubOf = (machine: MachineKey) => namespace.getByName(machineName(machine));
  const call = async <T>(machine: MachineKey, ask: (stub: Stub) => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask(stubOf(machine));
      } catch (error) {
        if (tries >= TRIES || !isRetryable(error)) throw error;
      }
    }
  };
  return {
    call,
    tell(machine, work) {
      const told = call(machine, work).then(
        () => undefined,
        (error: unknown) => onLost(machine, error),
      );
      keepAlive(told);
      return told;
    },
    connect: (machine, request) => stubOf(machine).fetch(request),
  };
}

function isRetryable(error: unknown): boolean {
  const flags = error as { retryable?: boolean; overloaded?: boolean } | null;
  return flags?.retryable === true && flags.overloaded !== true;
}
