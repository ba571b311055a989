/**
 * The processes that belong to one agent: its process group, and those of its descendants that left the group (a shell
 * tool in a session of its own, for example). Descendants are only known while their ancestors live, so the family
 * remembers whom it has seen, each with its start time.
 */

import { listProcesses, type ProcessEntry, type ProcessMark } from './process-table.ts';

export class ProcessFamily {
  readonly #leader: ProcessMark;
  /** pid → start time of everybody ever seen in the family. */
  readonly #seen = new Map<number, string>();

  /** @param leader the agent, which leads its own process group */
  constructor(leader: ProcessMark) {
    this.#leader = leader;
  }

  /** Who of the family is alive now. */
  async findLiving(): Promise<ProcessEntry[]> {
    const everyone = (await listProcesses()).filter((entry) => !entry.isZombie && entry.pid !== process.pid);
    const living = new Map<number, ProcessEntry>();
    const isGroupOurs = !everyone.some((entry) => this.#isStranger(entry));
    for (const entry of everyone) {
      const isMember = isGroupOurs && entry.groupId === this.#leader.pid;
      if (isMember || this.#seen.get(entry.pid) === entry.startTime) living.set(entry.pid, entry);
    }
    for (let grown = true; grown; ) {
      const children = everyone.filter((entry) => !living.has(entry.pid) && living.has(entry.parentPid));
      for (const child of children) living.set(child.pid, child);
      grown = children.length > 0;
    }
    for (const entry of living.values()) this.#seen.set(entry.pid, entry.startTime);
    return [...living.values()];
  }

  /** Sends a signal to everybody who is alive, and says how many that were. */
  async signal(name: NodeJS.Signals): Promise<number> {
    const living = await this.findLiving();
    const { pid } = this.#leader;
    if (living.some((entry) => entry.groupId === pid)) trySignal(-pid, name);
    for (const entry of living) if (entry.groupId !== pid) trySignal(entry.pid, name);
    return living.length;
  }

  /** Somebody else got the leader's pid after the leader and its whole group had gone. */
  #isStranger(entry: ProcessEntry): boolean {
    const { pid, startTime } = this.#leader;
    return entry.pid === pid && startTime !== '' && entry.startTime !== startTime;
  }
}

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}
