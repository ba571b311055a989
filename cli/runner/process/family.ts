/**
 * The processes of one agent (its "family"): its process group, descendants that left the group (such as a shell tool in its
 * own session), and every process that has the tag of this run in its environment. Descendants can be found only while their
 * ancestors live, so the family remembers every process that it has seen, with its start time. The tag also finds processes
 * whose ancestors are gone, and all processes after a restart of the runner.
 *
 * If the process list cannot be read, the family of an earlier runner is unknown. For an agent that this process has started,
 * signal 0 still shows whether the process group is empty.
 */

import { hasCode } from '../../base/system-error.ts';
import { listProcesses, type ProcessEntry, readTags, type SeenTags } from './process-table.ts';

/** The agent process, which leads its own process group. */
export interface LeaderMark {
  pid: number;
  /** Undefined if the system did not report it. */
  startTime: string | undefined;
}

export interface FamilyMark {
  /** Absent if the process was not recorded. */
  leader?: LeaderMark | undefined;
  /** The tag in the environment of its processes. */
  tag?: string | undefined;
}

const NO_TAGS: SeenTags = { tagged: new Set(), hidden: new Set() };

export class ProcessFamily {
  #leader: LeaderMark | undefined;
  readonly #tag: string | undefined;
  /** True if this process started the agent. */
  readonly #isOwn: boolean;
  /** pid → start time of every process that was ever seen in the family. */
  readonly #seen = new Map<number, string>();
  /**
   * pid → start time of the processes without the tag. They need no second check, because the tag of a process never changes.
   */
  readonly #untagged = new Map<number, string>();
  /** True until the system gives the leader's pid to another process. Until then the process group belongs to this agent. */
  #isGroupOurs: boolean;

  private constructor({ leader, tag }: FamilyMark, isOwn: boolean) {
    this.#leader = leader;
    this.#tag = tag;
    this.#isOwn = isOwn;
    this.#isGroupOurs = isOwn;
  }

  /** The family of an agent that this process has just started. */
  static started(mark: Required<FamilyMark>): ProcessFamily {
    return new ProcessFamily(mark, true);
  }

  /** The family of an agent of an earlier runner. Its group id may now belong to another program, so it needs proof. */
  static found(mark: FamilyMark): ProcessFamily {
    return new ProcessFamily(mark, false);
  }

  /** Returns the living processes. Throws if the process list cannot be read and an earlier runner started the agent. */
  async findLiving(): Promise<ProcessEntry[]> {
    try {
      return await this.#lookAround();
    } catch (error) {
      if (!this.#isOwn) throw error;
      return this.#probeGroup();
    }
  }

  /** Sends a signal to all living processes, and returns them. */
  async signal(name: NodeJS.Signals): Promise<ProcessEntry[]> {
    const living = await this.findLiving();
    const groupId = this.#isGroupOurs ? this.#leader?.pid : undefined;
    if (groupId !== undefined && living.some((entry) => entry.groupId === groupId)) trySignal(-groupId, name);
    for (const entry of living) if (entry.groupId !== groupId) trySignal(entry.pid, name);
    return living;
  }

  async #lookAround(): Promise<ProcessEntry[]> {
    const everyone = (await listProcesses()).filter((entry) => !entry.isZombie && entry.pid !== process.pid);
    const tags = await this.#readTags(everyone);
    this.#recognizeLeader(everyone);
    this.#isGroupOurs = this.#proveGroup(everyone, tags);
    const living = new Map<number, ProcessEntry>();
    for (const entry of everyone) {
      const isMember = this.#isGroupOurs && entry.groupId === this.#leader?.pid;
      const isKnown = this.#seen.get(entry.pid) === entry.startTime;
      if (isMember || isKnown || tags.tagged.has(entry.pid)) living.set(entry.pid, entry);
    }
    for (let grown = true; grown; ) {
      const children = everyone.filter((entry) => !living.has(entry.pid) && living.has(entry.parentPid));
      for (const child of children) living.set(child.pid, child);
      grown = children.length > 0;
    }
    for (const entry of living.values()) this.#seen.set(entry.pid, entry.startTime);
    return [...living.values()];
  }

  /** Returns the group as one entry if it has a process that can get a signal. */
  #probeGroup(): ProcessEntry[] {
    const leader = this.#leader;
    if (leader === undefined || !this.#isGroupOurs) return [];
    try {
      process.kill(-leader.pid, 0);
    } catch (error) {
      // The group is empty, so another program may get its id from now on.
      if (hasCode(error, 'ESRCH')) this.#isGroupOurs = false;
      return [];
    }
    const { pid, startTime = '' } = leader;
    return [{ pid, parentPid: process.pid, groupId: pid, isZombie: false, startTime }];
  }

  /** Reads the tags of the processes that were not checked before. */
  async #readTags(everyone: readonly ProcessEntry[]): Promise<SeenTags> {
    const news = everyone.filter(
      ({ pid, startTime }) => this.#untagged.get(pid) !== startTime && this.#seen.get(pid) !== startTime,
    );
    if (this.#tag === undefined || news.length === 0) return NO_TAGS;
    const tags = await readTags(this.#tag, news).catch((error: unknown) => {
      if (!this.#isOwn) throw error;
    });
    // The tags could not be read. They are read again the next time.
    if (tags === undefined) return NO_TAGS;
    for (const { pid, startTime } of news) {
      // Check the leader each time, because its environment may be hidden at times.
      if (!tags.tagged.has(pid) && pid !== this.#leader?.pid) this.#untagged.set(pid, startTime);
    }
    return tags;
  }

  /** If the start time of the leader is unknown, takes it from the process with its pid while the group is ours. */
  #recognizeLeader(everyone: readonly ProcessEntry[]): void {
    const leader = this.#leader;
    if (leader === undefined || leader.startTime !== undefined || !this.#isGroupOurs) return;
    const holder = everyone.find(({ pid }) => pid === leader.pid);
    if (holder !== undefined) this.#leader = { pid: leader.pid, startTime: holder.startTime };
  }

  /**
   * Checks whether the process group belongs to this agent. A group keeps its id while it has a process. The group is ours if
   * its leader is the recorded process, or if a member has the tag. It is not ours if another process got the leader's pid
   * after the group had ended. A file alone is no proof for a process that this process has not started: that process must
   * have the tag, unless the system hides its environment.
   */
  #proveGroup(everyone: readonly ProcessEntry[], { tagged, hidden }: SeenTags): boolean {
    const leader = this.#leader;
    if (leader === undefined) return false;
    const holder = everyone.find((entry) => entry.pid === leader.pid);
    if (holder !== undefined) {
      if (tagged.has(holder.pid) || this.#seen.get(holder.pid) === holder.startTime) return true;
      if (holder.startTime !== leader.startTime) return false;
      return this.#isOwn || (this.#tag !== undefined && hidden.has(holder.pid));
    }
    return (
      this.#isGroupOurs || everyone.some((entry) => entry.groupId === leader.pid && tagged.has(entry.pid))
    );
  }
}

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // The process ended between the check and the signal.
  }
}
