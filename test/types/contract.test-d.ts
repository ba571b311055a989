/** Compiled, never run: what a row declares binds whoever sends, answers or refuses. */

import * as z from 'zod/mini';
import type { BodyInput, ErrorsOf, ParamsOf, ReplyInput } from '../../spec/contract/endpoint.ts';
import { endpoint } from '../../spec/contract/endpoint.ts';
import type { enqueueJob } from '../../spec/contract/jobs.ts';
import type { completeJob } from '../../spec/contract/runner.ts';
import type { ErrorCode } from '../../spec/errors.ts';
import { HTTP_STATUS } from '../../spec/errors.ts';

export const params: ParamsOf<typeof completeJob> = { jobId: 'job_1' };
// @ts-expect-error the parameter is misspelt
export const misspelt: ParamsOf<typeof completeJob> = { jobID: 'job_1' };

export const body: BodyInput<typeof enqueueJob> = { prompt: 'Count the gauges.' };
// @ts-expect-error the prompt is missing
export const blank: BodyInput<typeof enqueueJob> = {};
// @ts-expect-error no such option
export const unknown: BodyInput<typeof enqueueJob> = { prompt: 'x', priorty: 1 };

export const reply: ReplyInput<typeof completeJob> = { ok: true, job: { id: 'job_1', status: 'completed' } };
// @ts-expect-error no such status
export const never: ReplyInput<typeof completeJob> = { ok: true, job: { id: 'job_1', status: 'done' } };

export const declared: ErrorsOf<typeof completeJob> = 'lease_lost';
export const common: ErrorsOf<typeof completeJob> = 'unauthenticated';
// @ts-expect-error the row does not declare this refusal
export const undeclared: ErrorsOf<typeof completeJob> = 'idempotency_conflict';

export const total: Record<ErrorCode, number> = HTTP_STATUS;

endpoint({
  name: 'misdeclared',
  method: 'GET',
  path: '/api/cli/misdeclared',
  summary: 'A row may only declare codes of the registry.',
  reply: z.object({}),
  // @ts-expect-error not in the registry
  errors: ['no_such_code'],
  idempotent: true,
});
