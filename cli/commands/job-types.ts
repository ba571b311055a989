/** Types of jobs for the commands. */

import type { z } from 'zod/mini';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import type { job as jobSchema, listJobs, showJob } from '../../spec/contract/jobs.ts';
import type { JobKind } from '../../spec/job/kinds.ts';
import type { CommonOptions } from '../output/context.ts';

export interface ListOptions extends CommonOptions {
  status?: string;
  kind?: JobKind;
  ideaId?: string;
  machineId?: string;
  limit: number;
  cursor?: string;
}

export type JobView = z.output<typeof jobSchema>;

export type Page = ReplyOf<typeof listJobs>;

export type JobStory = ReplyOf<typeof showJob>['job'];
