/**
 * The compatibility path of the v0.4.4 workers: checkpoint reviews without a machine. The world of the idea names the
 * repository and the session; the answer goes to the checkpoint.
 */

import * as z from 'zod/mini';
import { BOUNDS } from '../bounds.ts';
import { absentable, endpoint, jobKind, ok, projectRootField, queryFlag, repeated } from './endpoint.ts';

const roots = z.array(projectRootField).check(z.maxLength(BOUNDS.machineProjects));

const agentJob = z.object({
  id: z.string(),
  kind: jobKind,
  prompt: z.string(),
  ideaId: absentable,
  createdBy: absentable,
  timeoutSeconds: z.optional(z.int()),
  world: z.object({
    id: z.string(),
    name: z.string(),
    projectRoot: z.string(),
    codexSessionId: z.string(),
  }),
  checkpoint: z.object({ id: z.string() }),
});

/** The agent whose sessions worlds name. */
export const WORLD_AGENT = 'codex';

export const pollAgent = endpoint({
  name: 'pollAgent',
  method: 'GET',
  path: '/api/cli/agent/jobs/poll',
  summary:
    'Compatibility: claim at most one checkpoint review, with the repository and session of its world. If there is no review, the answer is an empty object. With `dryRun=1`, the call claims nothing.',
  query: z.object({
    /**
     * Selects the reviews of one world by its id, its name, the last part of its repository, its idea or its session. `codex`
     * selects every review.
     */
    agent: z.optional(z.string().check(z.trim(), z.maxLength(200))),
    /** Extension: selects only reviews for these repositories, or (`notProjectRoot`) only reviews for other repositories. */
    projectRoot: repeated,
    notProjectRoot: repeated,
    /** Extension: the same claim id returns the same job. */
    claimId: z.optional(z.string().check(z.minLength(8), z.maxLength(64))),
    dryRun: queryFlag,
  }),
  /** Everything is optional, because the v0.4.4 workers read any key in an idle answer as a job. */
  reply: z.object({
    job: z.optional(agentJob),
    /** Extension: send it with the answer. */
    leaseId: absentable,
    dryRun: z.optional(z.literal(true)),
  }),
  errors: [],
  idempotent: true,
});

export const claimReview = endpoint({
  name: 'claimReview',
  method: 'POST',
  path: '/api/cli/agent/jobs/claim',
  summary:
    'Does the same as `pollAgent`, but takes the repositories from the body, because a long list does not fit into a URL.',
  body: z.object({
    agent: z.optional(z.string().check(z.trim(), z.maxLength(200))),
    projectRoots: z.optional(roots),
    notProjectRoots: z.optional(roots),
    claimId: z.string().check(z.minLength(8), z.maxLength(64)),
    dryRun: z._default(z.boolean(), false),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: pollAgent.reply,
  errors: [],
  idempotent: true,
  capability: 'claim-post',
});

const freeText = z.nullish(z.string());

export const respondCheckpoint = endpoint({
  name: 'respondCheckpoint',
  method: 'POST',
  path: '/api/cli/checkpoints/:checkpointId/respond',
  summary:
    'Compatibility: deliver the answer of a review that `pollAgent` claimed. A repeated delivery gets the same answer.',
  body: z.object({
    summary: freeText,
    body: freeText,
    /** The server ignores this field and parses the body again with the same rules. */
    structuredOutput: z.nullish(z.record(z.string(), z.unknown())),
    worker: z.object({
      command: freeText,
      exitCode: z.int(),
      stdout: freeText,
      stderr: freeText,
      ok: z.boolean(),
    }),
    /** Extension: the `leaseId` of the poll. With it, the server can reject the answer of an abandoned attempt. */
    leaseId: z.nullish(z.string().check(z.maxLength(200))),
  }),
  /** The v0.4.4 workers send everything that the agent wrote. */
  maxBodyBytes: 16 * 1024 * 1024,
  reply: z.object({ ok, id: z.string() }),
  errors: ['not_found', 'wrong_status', 'lease_lost'],
  idempotent: true,
});
