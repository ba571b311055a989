/**
 * Writes `runtime.json` of a repository while several jobs run. The file has room for one active job. It shows the running
 * job that started first. When another job ends, the file records it as the last job. So the file never shows an idle
 * repository while an agent runs, and never shows an active job that has ended.
 */

import { type LinkableRepository, linkFolder } from '../../git/repository.ts';
import {
  type ClaimedWork,
  type FinishedWork,
  type RuntimeFence,
  recordAside,
  recordClaim,
  recordFinish,
  recordStart,
} from '../../records/runtime.ts';

interface Entry {
  work: ClaimedWork;
  session?: { orpSessionId: string; codexSessionId: string };
}

export class RuntimeFile {
  readonly #entries = new Map<string, Entry[]>();

  async claim(repository: LinkableRepository, work: ClaimedWork): Promise<void> {
    const entries = this.#of(repository);
    entries.push({ work });
    if (entries.length === 1) await recordClaim(repository, work, Date.now());
  }

  async start(
    repository: LinkableRepository,
    fence: RuntimeFence,
    session: NonNullable<Entry['session']>,
  ): Promise<void> {
    const entries = this.#of(repository);
    const entry = entries.find(({ work }) => isMeant(work, fence));
    if (entry === undefined) return;
    entry.session = session;
    if (entry === entries[0]) await recordStart(repository, { ...fence, ...session }, Date.now());
  }

  async finish(repository: LinkableRepository, finished: RuntimeFence & FinishedWork): Promise<void> {
    const entries = this.#of(repository);
    const at = entries.findIndex(({ work }) => isMeant(work, finished));
    const [ended] = at < 0 ? [] : entries.splice(at, 1);
    if (ended !== undefined && at > 0) return void (await recordAside(repository, ended.work, finished));
    await recordFinish(repository, finished, Date.now());
    await this.#showNext(repository, entries[0]);
  }

  async #showNext(repository: LinkableRepository, next: Entry | undefined): Promise<void> {
    if (next === undefined) return;
    await recordClaim(repository, next.work, Date.now());
    if (next.session === undefined) return;
    const fence = { jobId: next.work.job_id, leaseId: next.work.lease_id };
    await recordStart(repository, { ...fence, ...next.session }, Date.now());
  }

  #of(repository: LinkableRepository): Entry[] {
    const key = linkFolder(repository);
    const known = this.#entries.get(key) ?? [];
    this.#entries.set(key, known);
    return known;
  }
}

function isMeant(work: ClaimedWork, fence: RuntimeFence): boolean {
  return work.job_id === fence.jobId && work.lease_id === fence.leaseId;
}
