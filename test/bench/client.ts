/** A minimal client of the protocol for the benchmarks. */

import type { BodyInput, Endpoint, ReplyOf } from '../../spec/contract/endpoint.ts';
import { enqueueJob } from '../../spec/contract/jobs.ts';
import {
  addLogs,
  addMessage,
  completeJob,
  heartbeat,
  pollJob,
  startJob,
  syncMachine,
} from '../../spec/contract/runner.ts';

export interface Account {
  baseUrl: string;
  token: string;
}

export interface Claim {
  jobId: string;
  leaseId: string;
}

/** Calls one row. Any status except 2xx fails the benchmark. */
export async function send<Row extends Endpoint>(
  account: Account,
  row: Row,
  request: {
    path?: string;
    query?: Record<string, string>;
    body?: BodyInput<Row>;
    headers?: Record<string, string>;
  },
): Promise<ReplyOf<Row>> {
  const query = request.query ? `?${new URLSearchParams(request.query)}` : '';
  const response = await fetch(`${account.baseUrl}${request.path ?? row.path}${query}`, {
    method: row.method,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${account.token}`,
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${row.name} answered ${response.status}: ${text}`);
  return JSON.parse(text) as ReplyOf<Row>;
}

/** One runner machine with one repository and `sessions` linked sessions. */
export class Machine {
  readonly account: Account;
  readonly machineId: string;
  readonly ideaId: string;
  readonly #sessions: number;

  constructor(account: Account, machineId: string, sessions = 1) {
    this.account = account;
    this.machineId = machineId;
    this.ideaId = `ide_${machineId}`;
    this.#sessions = sessions;
  }

  async register(): Promise<void> {
    const projectRoot = `/srv/${this.machineId}`;
    await send(this.account, syncMachine, {
      body: {
        machineId: this.machineId,
        machineName: this.machineId,
        platform: 'linux',
        appVersion: '0.5.0',
        syncedAt: new Date().toISOString(),
        linkedProjects: [{ ideaId: this.ideaId, projectRoot, projectName: this.machineId }],
        sessions: Array.from({ length: this.#sessions }, (_, index) => ({
          ideaId: this.ideaId,
          projectRoot,
          orpSessionId: `orp-${index}`,
          codexSessionId: `codex-${this.machineId}-${index}`,
          label: `Session ${index}`,
          state: 'active' as const,
          primary: index === 0,
        })),
      },
    });
  }

  async enqueue(prompt = 'Say hello.', headers: Record<string, string> = {}): Promise<string> {
    const { job } = await send(this.account, enqueueJob, {
      body: { prompt, machineId: this.machineId },
      headers,
    });
    return job.id;
  }

  async claim(): Promise<Claim | undefined> {
    const reply = await send(this.account, pollJob, {
      query: { machineId: this.machineId, claimId: crypto.randomUUID() },
    });
    return reply.job && reply.leaseId ? { jobId: reply.job.id, leaseId: reply.leaseId } : undefined;
  }

  start({ jobId, leaseId }: Claim) {
    return send(this.account, startJob, {
      path: of(startJob, jobId),
      body: { machineId: this.machineId, leaseId },
    });
  }

  say({ jobId, leaseId }: Claim, content: string) {
    return send(this.account, addMessage, {
      path: of(addMessage, jobId),
      body: { machineId: this.machineId, leaseId, content },
    });
  }

  log({ jobId, leaseId }: Claim, seq: number, text: string) {
    return send(this.account, addLogs, {
      path: of(addLogs, jobId),
      body: { machineId: this.machineId, leaseId, chunks: [{ seq, stream: 'stdout', text }] },
    });
  }

  beat({ jobId, leaseId }: Claim) {
    return send(this.account, heartbeat, { body: { machineId: this.machineId, jobId, leaseId } });
  }

  complete({ jobId, leaseId }: Claim, content = 'Hello.') {
    return send(this.account, completeJob, {
      path: of(completeJob, jobId),
      body: { machineId: this.machineId, leaseId, success: true, summary: content, content },
    });
  }
}

function of(row: { path: string }, jobId: string): string {
  return row.path.replace(':jobId', jobId);
}
