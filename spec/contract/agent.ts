/**
 * The compatibility path of the first workers: checkpoint reviews without a machine,
 * handed out as the idea's world names repository and session, and answered on the checkpoint.
 */

import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { JOB_KINDS } from '../job/kinds.ts';
import { endpoint } from './endpoint.ts';
import { absentable, ok, projectRootField, queryFlag, repeated } from './fields.ts';

const roots = z.array(projectRootField).max(BOUNDS.machineProjects);

const agentJob = z.object({
  id: z.string(),
  kind: z.enum(JOB_KINDS),
  prompt: z.string(),
  ideaId: absentable,
  createdBy: absentable,
  timeoutSeconds: z.number().int().optional(),
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
    'Compatibility: take at most one checkpoint review, as its world binds it. Nothing to do is an empty object. With `dryRun=1` nothing is taken.',
  query: z.object({
    /**
     * Only reviews of this world: its id, its name, the last part of its repository, its idea or its session. Or of this agent:
     * `codex`, which answers every review.
     */
    agent: z.string().trim().max(200).optional(),
    /** Ours: only for these repositories, or for none of these. */
    projectRoot: repeated,
    notProjectRoot: repeated,
    /** Ours: the same claim id brings the same job. */
    claimId: z.string().min(8).max(64).optional(),
    dryRun: queryFlag,
  }),
  /** Everything is optional, because the first clients read any key in an idle answer as a job. */
  reply: z.object({
    job: agentJob.optional(),
    /** Ours: send it back with the answer. */
    leaseId: absentable,
    dryRun: z.literal(true).optional(),
  }),
  errors: [],
  idempotent: true,
});

export const claimReview = endpoint({
  name: 'claimReview',
  method: 'POST',
  path: '/api/cli/agent/jobs/claim',
  summary:
    'What `pollAgent` does, with the repositories in the body: a list of them does not fit into every URL.',
  body: z.object({
    agent: z.string().trim().max(200).optional(),
    projectRoots: roots.optional(),
    notProjectRoots: roots.optional(),
    claimId: z.string().min(8).max(64),
    dryRun: z.boolean().default(false),
  }),
  maxBodyBytes: 4 * 1024 * 1024,
  reply: pollAgent.reply,
  errors: [],
  idempotent: true,
  capability: 'claim-post',
});

const freeText = z.string().nullish();

export const respondCheckpoint = endpoint({
  name: 'respondCheckpoint',
  method: 'POST',
  path: '/api/cli/checkpoints/:checkpointId/respond',
  summary:
    'Compatibility: deliver the answer of a review that was taken through `pollAgent`. The same delivery again answers the same.',
  body: z.object({
    summary: freeText,
    body: freeText,
    /** Read from the body anew: both sides obey the same rules. */
    structuredOutput: z.record(z.string(), z.unknown()).nullish(),
    worker: z.object({
      command: freeText,
      exitCode: z.number().int(),
      stdout: freeText,
      stderr: freeText,
      ok: z.boolean(),
    }),
    /** Ours: the `leaseId` of the poll; the answer of an attempt that was given up is then refused. */
    leaseId: z.string().max(200).nullish(),
  }),
  /** The first clients send everything the agent wrote. */
  maxBodyBytes: 16 * 1024 * 1024,
  reply: z.object({ ok, id: z.string() }),
  errors: ['not_found', 'wrong_status', 'lease_lost'],
  idempotent: true,
});
