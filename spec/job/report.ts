/**
 * The report of a runner in its heartbeats: the results on its disk that the server has not accepted, and the way in which it
 * drives its agent. Operators see the report. No rule of the queue depends on it.
 */

/** Ways to drive an agent. A newer runner may name others. */
export const AGENT_WAYS = ['shared_server', 'own_server', 'process'] as const;

export interface SpoolBacklog {
  /** The number of attempts whose output or result waits on the disk. Running jobs do not count. */
  leases: number;
  bytes: number;
  /** When the oldest of these attempts was last written, in epoch ms. Absent if there are no such attempts. */
  oldestAt?: number | undefined;
}

export interface SaidReport {
  spool?: SpoolBacklog | undefined;
  agent?: { way: string; version?: string | undefined } | undefined;
}

/** The report with the time at which the server stored it. */
export interface MachineReport extends SaidReport {
  /** When the server stored the report, in epoch ms. */
  at: number;
  /** The size of the backlog in the previous report, and when the server stored that report. */
  before?: { bytes: number; at: number } | undefined;
}

/** Returns the report to store. Fields that the runner omits keep their stored values. */
export function storedReport(
  said: SaidReport | undefined,
  before: MachineReport | undefined,
  now: number,
): MachineReport | undefined {
  if (said === undefined) return before;
  const earlier = before?.spool && { bytes: before.spool.bytes, at: before.at };
  return { ...before, ...said, at: now, ...(said.spool === undefined ? {} : { before: earlier }) };
}

/**
 * Returns whether a report must be written before the next regular write: if the agent is driven in another way, or if a
 * backlog has begun or ended. A growing backlog can wait.
 */
export function isNotableReport(report: SaidReport | undefined, before: SaidReport | undefined): boolean {
  if (report === undefined) return false;
  const { agent, spool } = report;
  const hasBacklog = (one: SaidReport | undefined) => (one?.spool?.leases ?? 0) > 0;
  return (
    (agent !== undefined && (agent.way !== before?.agent?.way || agent.version !== before?.agent?.version)) ||
    (spool !== undefined && hasBacklog(report) !== hasBacklog(before))
  );
}
