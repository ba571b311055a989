/** Calls the `RunnerMachine` objects. Every attempt uses a new stub, because a stub is broken after it has thrown. */

import type { UserId } from '../../spec/ids.ts';

/** Generic in the stub, so that this folder does not depend on the interface of the object. */
export interface Machines<Stub> {
  /** Calls the object of one machine; retries twice after a restart, never after an overload. */
  call<T>(machine: MachineKey, ask: (stub: Stub) => Promise<T>): Promise<T>;
  /**
   * Notifies the object of one machine. If the notification is lost, that is logged and the promise still resolves. The
   * notification is also sent if nobody awaits the promise. Await it only if the client's answer must come after the
   * notification.
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

/** The name of an object. It contains the account, so an account never reaches the object of another account's machine. */
export function machineName({ userId, machineId }: MachineKey): string {
  return `${userId}/${machineId}`;
}

interface Namespace<Stub> {
  getByName(name: string, options?: { locationHint: DurableObjectLocationHint }): Stub;
}

/** How notifications are sent and logged. */
interface Hints {
  /** Where a new object is made. It stays there. */
  location?: string | undefined;
  /** Lets a call continue after the Worker has sent its answer. */
  keepAlive(work: Promise<void>): void;
  onLost(machine: MachineKey, error: unknown): void;
}

export function machineObjects<Stub extends { fetch(request: Request): Promise<Response> }>(
  namespace: Namespace<Stub>,
  { location, keepAlive, onLost }: Hints,
): Machines<Stub> {
  const options = location ? { locationHint: location as DurableObjectLocationHint } : undefined;
  const stubOf = (machine: MachineKey) => namespace.getByName(machineName(machine), options);
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
