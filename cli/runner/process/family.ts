/**
 * The processes that belong to one agent: its process group, those of its descendants that left the group (a shell tool
 * in a session of its own, for example), and whoever carries the tag of this run in the environment it was started with.
 * Descendants are only known while their ancestors live, so the family remembers whom it has seen, each with its start
 * time; the tag also finds those whose ancestors nobody saw, and all of them after a restart of the runner.
 *
 * When the system does not tell who runs, nothing is known of a family of an earlier runner. Of one that this process has
 * started at least the group is: whether anybody is in it, a signal that does nothing tells.
 */

import { hasCode } from '../../base/system-error.ts';
import { listProcesses, type ProcessEntry, readTags, type SeenTags } from './process-table.ts';

/** The agent, which leads its own process group. */
export interface LeaderMark {
  pid: number;
  /** Undefined when the system did not tell. */
  startTime: string | undefined;
}

export interface FamilyMark {
  /** Absent when nobody wrote down who it is. */
  leader?: LeaderMark | undefined;
  /** What its environment was tagged with. */
  tag?: string | undefined;
}

const NO_TAGS: SeenTags = { tagged: new Set(), hidden: new Set() };

export class ProcessFamily {
  #leader: LeaderMark | undefined;
  readonly #tag: string | undefined;
  /** Started by this process. */
  readonly #isOwn: boolean;
  /** pid → start time of everybody ever seen in the family. */
  readonly #seen = new Map<number, string>();
  /** The same of everybody who was looked at and carries no tag: what a process was started with does not change. */
  readonly #untagged = new Map<number, string>();
  /** The group was ours; until the leader's pid belongs to somebody else, it still is. */
  #isGroupOurs: boolean;

  private constructor({ leader, tag }: FamilyMark, isOwn: boolean) {
    this.#leader = leader;
    this.#tag = tag;
    this.#isOwn = isOwn;
    this.#isGroupOurs = isOwn;
  }

  /** Of an agent that this process has just started. */
  static started(mark: Required<FamilyMark>): ProcessFamily {
    return new ProcessFamily(mark, true);
  }

  /** Of an agent of an earlier runner: its group id may be somebody else's by now, so it has to be proven. */
  static found(mark: FamilyMark): ProcessFamily {
    return new ProcessFamily(mark, false);
  }

  /** Who of the family is alive now. Throws when the system does not tell, and the family is of an earlier runner. */
  async findLiving(): Promise<ProcessEntry[]> {
    try {
      return await this.#lookAround();
    } catch (error) {
      if (!this.#isOwn) throw error;
      return this.#probeGroup();
    }
  }

  /** Sends a signal to everybody who is alive, and says who that was. */
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

  /** The group as one entry, when anybody is in it who can be sent a signal. */
  #probeGroup(): ProcessEntry[] {
    const leader = this.#leader;
    if (leader === undefined || !this.#isGroupOurs) return [];
    try {
      process.kill(-leader.pid, 0);
    } catch (error) {
      // Once nobody is left in it, its id may become that of a stranger.
      if (hasCode(error, 'ESRCH')) this.#isGroupOurs = false;
      return [];
    }
    const { pid, startTime = '' } = leader;
    return [{ pid, parentPid: process.pid, groupId: pid, isZombie: false, startTime }];
  }

  /** Of those that were not looked at before. */
  async #readTags(everyone: readonly ProcessEntry[]): Promise<SeenTags> {
    const news = everyone.filter(
      ({ pid, startTime }) => this.#untagged.get(pid) !== startTime && this.#seen.get(pid) !== startTime,
    );
    if (this.#tag === undefined || news.length === 0) return NO_TAGS;
    const tags = await readTags(this.#tag, news).catch((error: unknown) => {
      if (!this.#isOwn) throw error;
    });
    // They are looked at again the next time.
    if (tags === undefined) return NO_TAGS;
    for (const { pid, startTime } of news) {
      // The leader is judged anew at each look, because it may also be hidden.
      if (!tags.tagged.has(pid) && pid !== this.#leader?.pid) this.#untagged.set(pid, startTime);
    }
    return tags;
  }

  /** The system did not tell when the leader started: as long as the group is ours, it is whoever has its pid. */
  #recognizeLeader(everyone: readonly ProcessEntry[]): void {
    const leader = this.#leader;
    if (leader === undefined || leader.startTime !== undefined || !this.#isGroupOurs) return;
    const holder = everyone.find(({ pid }) => pid === leader.pid);
    if (holder !== undefined) this.#leader = { pid: leader.pid, startTime: holder.startTime };
  }

  /**
   * A group keeps its id as long as anybody is in it. It is ours while its leader is the process that was marked, or a
   * member carries the tag; it is not when somebody else got the leader's pid after the whole group had gone. What a file
   * says about a process that this one has not started is no proof: that process has to carry the tag, unless the system
   * hides its environment.
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
    // It ended between the look and the signal.
  }
}
