/**
 * A runner in a process of its own that speaks the protocol of `orp` and does nothing else. It serves several machines, so
 * that several objects can hibernate at the same time. It reports each step to the process that started it.
 */

import { Listener, type TransportChoice } from '../../../cli/runner/channel/listener.ts';
import { claimJob } from '../../../spec/contract/runner.ts';
import { newestServer } from '../../support/known-server.ts';
import { type Account, type Claim, Machine, send } from '../client.ts';

export interface RunnerPlan {
  account: Account;
  transport: Extract<TransportChoice, 'ws' | 'sse'>;
  machineIds: readonly string[];
}

export type RunnerNews =
  /** The channel of a machine is open. */
  | { kind: 'listening'; machineId: string }
  /** A poll came back empty. */
  | { kind: 'idle'; machineId: string }
  /** The server accepted the start. `at` is on the clock of `monotonicMs`. */
  | { kind: 'started'; machineId: string; jobId: string; at: number }
  | { kind: 'failed'; message: string };

/** A clock that all processes of this machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Longer than the benchmark, so that only an event causes a poll. */
const NEVER_MS = 24 * 60 * 60_000;

function tell(news: RunnerNews): void {
  process.send?.(news);
}

async function serve({ account, transport }: RunnerPlan, machineId: string): Promise<void> {
  const machine = new Machine(account, machineId);
  const listener = new Listener({
    target: {
      baseUrl: account.baseUrl,
      headers: { authorization: `Bearer ${account.token}` },
      machineId,
      instance: crypto.randomUUID(),
      waitSeconds: 900,
      server: newestServer(),
    },
    choice: transport,
    pollIntervalMs: NEVER_MS,
    onControl: () => undefined,
    onChange: (change) => change.up && tell({ kind: 'listening', machineId }),
    onEnd: (end) => tell({ kind: 'failed', message: end.message }),
  });
  const never = new AbortController().signal;
  for (;;) {
    await listener.nextPoll(never);
    for (let claim = await claimOne(machine); claim !== undefined; claim = await claimOne(machine)) {
      await machine.start(claim);
      tell({ kind: 'started', machineId, jobId: claim.jobId, at: monotonicMs() });
      await machine.complete(claim);
    }
    tell({ kind: 'idle', machineId });
  }
}

async function claimOne({ account, machineId }: Machine): Promise<Claim | undefined> {
  const body = { machineId, claimId: crypto.randomUUID(), dryRun: false };
  const { job, leaseId } = await send(account, claimJob, { body });
  return job && leaseId ? { jobId: job.id, leaseId } : undefined;
}

if (process.send !== undefined) {
  const plan = JSON.parse(process.argv[2] ?? '{}') as RunnerPlan;
  for (const machineId of plan.machineIds ?? []) {
    serve(plan, machineId).catch((error: unknown) => tell({ kind: 'failed', message: String(error) }));
  }
}
