/**
 * The local records about one job: `runtime.json` of the repository, and the session of the job. Only people read these
 * records. If a record cannot be written, the runner reports that and the job continues.
 */

import { messageOf } from '../../base/exit.ts';
import type { LinkableRepository } from '../../git/repository.ts';
import type { FinishedWork } from '../../records/runtime.ts';
import { touchSession } from '../../records/sessions/sessions.ts';
import { type ShownSession, showSession } from '../../records/sessions/shown-session.ts';
import type { Claim } from '../job/claimed-job.ts';
import type { Held } from '../job/hosted-api.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { Placement } from '../job/workplace.ts';
import type { RuntimeFile } from './runtime-file.ts';

type Placed = Extract<Placement, { kind: 'placed' }>;

export class JobRecords {
  readonly #reporter: WorkContext['reporter'];
  readonly #runtimeFile: RuntimeFile;
  readonly #repository: LinkableRepository;
  readonly #held: Held;

  constructor(
    { reporter }: Pick<WorkContext, 'reporter'>,
    of: { runtimeFile: RuntimeFile; repository: LinkableRepository; held: Held },
  ) {
    this.#reporter = reporter;
    this.#runtimeFile = of.runtimeFile;
    this.#repository = of.repository;
    this.#held = of.held;
  }

  async claim({ job, lease }: Claim): Promise<void> {
    await this.#try(() =>
      this.#runtimeFile.claim(this.#repository, {
        job_id: job.id,
        job_kind: job.kind,
        lease_id: lease?.leaseId,
        checkpoint_id: job.checkpointId,
        idea_id: job.ideaId,
        world_id: job.worldId,
        project_root: job.projectRoot,
        lease_expires_at_utc: lease?.expiresAt,
      }),
    );
  }

  async start({ session, codexSessionId }: Placed): Promise<void> {
    const sessions = { orpSessionId: session.orp_session_id, codexSessionId };
    await this.#try(() => this.#runtimeFile.start(this.#repository, this.#held, sessions));
  }

  async finish(finished: FinishedWork): Promise<void> {
    await this.#try(() => this.#runtimeFile.finish(this.#repository, { ...this.#held, ...finished }));
  }

  /** Records that the session was used now. Returns the session for documents, or undefined if it was removed. */
  touch({ session }: Placed, root: string): Promise<ShownSession | undefined> {
    return this.#try(async () => {
      const touched = await touchSession(this.#repository, session.orp_session_id, Date.now());
      return touched === undefined ? undefined : showSession(root, touched);
    });
  }

  async #try<T>(write: () => Promise<T>): Promise<T | undefined> {
    try {
      return await write();
    } catch (error) {
      this.#reporter.warn(
        `The local record of ${this.#held.jobId} could not be written: ${messageOf(error)}`,
      );
      return undefined;
    }
  }
}
