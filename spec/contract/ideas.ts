/** Ideas, their features, their world and their reviews. */

import * as z from 'zod/mini';
import { BOUNDS } from '../bounds.ts';
import { MAX_PROMPT_BYTES } from '../job/kinds.ts';
import { absentable, clearable, endpoint, line, ok, queryFlag, queryInteger } from './endpoint.ts';

/** Notes contain a complete plan. They have the same limit as a prompt, because prompts quote them. */
const notes = z.string().check(z.maxLength(MAX_PROMPT_BYTES));
const BODY_BYTES = 2 * MAX_PROMPT_BYTES;

const sha = z.string().check(z.maxLength(128));

const detailSection = z.object({ id: z.string(), label: z.string(), body: z.string() });

export const feature = z.object({
  id: z.string(),
  ideaId: z.string(),
  title: z.string(),
  notes: absentable,
  detail: absentable,
  detailLabel: absentable,
  detailSections: z.array(detailSection),
  starred: z.boolean(),
  superStarred: z.boolean(),
  completed: z.boolean(),
  visibility: absentable,
  updatedAt: z.string(),
});

export const idea = z.object({
  id: z.string(),
  title: z.string(),
  notes: z.string(),
  githubUrl: absentable,
  linkLabel: absentable,
  visibility: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  deletedAt: absentable,
});

const featureList = z.array(feature);

/**
 * The answer to a write has the idea both flat and wrapped, because some v0.4.4 clients read one form and some the
 * other.
 */
const ideaWritten = z.extend(idea, { ok, idea });

const ideaBody = z.object({
  title: z.optional(line),
  notes: z.optional(notes),
  githubUrl: clearable,
  linkLabel: clearable,
  visibility: z.optional(z.string().check(z.maxLength(64))),
});

export const IDEA_SORTS = [
  'updated_desc',
  'updated_asc',
  'created_desc',
  'created_asc',
  'title_asc',
] as const;

/** A cursor of the list: base64url, which needs no escaping. A title of 1000 escaped characters takes 8 KB. */
const listCursor = z.string().check(z.regex(/^[A-Za-z0-9_-]{0,8192}$/, 'was not issued by this list'));

export const listIdeas = endpoint({
  name: 'listIdeas',
  method: 'GET',
  path: '/api/cli/ideas',
  summary: 'List your ideas, newest first, one page at a time.',
  query: z.object({
    limit: queryInteger(1, 500, 25),
    cursor: z.optional(listCursor),
    /** The client may send any text. An unknown sort means `updated_desc`. */
    sort: z.optional(z.string().check(z.maxLength(64))),
    deleted: queryFlag,
  }),
  needs: 'read',
  reply: z.object({
    ok,
    /** As many ideas as fit into 1 MiB of notes, but at least one. */
    ideas: z.array(idea),
    /** The cursor of the next page. Absent at the end. */
    nextCursor: absentable,
    hasMore: z.boolean(),
    sort: z.enum(IDEA_SORTS),
    limit: z.number(),
  }),
  errors: [],
  idempotent: true,
});

export const showIdea = endpoint({
  name: 'showIdea',
  method: 'GET',
  path: '/api/cli/ideas/:ideaId',
  summary: 'Show one idea with its features.',
  needs: 'read',
  reply: z.object({ ok, idea, features: featureList }),
  errors: ['not_found'],
  idempotent: true,
});

export const addIdea = endpoint({
  name: 'addIdea',
  method: 'POST',
  path: '/api/cli/ideas',
  summary: 'Add an idea.',
  body: z.extend(ideaBody, { title: line.check(z.trim(), z.minLength(1)) }),
  maxBodyBytes: BODY_BYTES,
  reply: ideaWritten,
  status: 201,
  errors: ['limit_reached'],
  idempotent: false,
});

export const updateIdea = endpoint({
  name: 'updateIdea',
  method: 'PATCH',
  path: '/api/cli/ideas/:ideaId',
  summary:
    'Change an idea. Send the `updatedAt` that you read, so that the change does not overwrite a newer one.',
  body: z.extend(ideaBody, { updatedAt: z.optional(z.string().check(z.maxLength(64))) }),
  maxBodyBytes: BODY_BYTES,
  reply: ideaWritten,
  errors: ['not_found', 'record_changed', 'limit_reached'],
  idempotent: false,
});

export const removeIdea = endpoint({
  name: 'removeIdea',
  method: 'DELETE',
  path: '/api/cli/ideas/:ideaId',
  summary:
    'Remove an idea. You can restore it unless you purge it. A purge first cancels the unfinished jobs of the idea.',
  query: z.object({ purge: queryFlag }),
  reply: z.object({
    ok,
    removedIdeaId: z.string(),
    mode: z.enum(['soft', 'purge']),
    /** With a purge: the number of jobs that this request cancelled. */
    cancelledJobs: z.optional(z.int()),
  }),
  errors: ['not_found'],
  idempotent: true,
});

export const restoreIdea = endpoint({
  name: 'restoreIdea',
  method: 'POST',
  path: '/api/cli/ideas/:ideaId/restore',
  summary: 'Restore a removed idea.',
  body: z.object({}),
  reply: ideaWritten,
  errors: ['not_found'],
  idempotent: true,
});

const detailInput = z.object({
  id: z.optional(z.string().check(z.maxLength(128))),
  label: z.optional(z.string().check(z.maxLength(200))),
  body: z.string().check(z.maxLength(MAX_PROMPT_BYTES)),
});

const featureBody = z.object({
  ideaId: z.optional(z.string().check(z.maxLength(128))),
  title: z.optional(line),
  notes: z.optional(notes),
  detail: z.optional(notes),
  detailLabel: z.optional(z.string().check(z.maxLength(200))),
  details: z.optional(z.array(detailInput).check(z.maxLength(BOUNDS.featureSections))),
  starred: z.optional(z.boolean()),
  superStarred: z.optional(z.boolean()),
  completed: z.optional(z.boolean()),
  visibility: z.optional(z.string().check(z.maxLength(64))),
});

const featureWritten = z.extend(feature, { ok, feature });

export const listFeatures = endpoint({
  name: 'listFeatures',
  method: 'GET',
  path: '/api/cli/ideas/:ideaId/features',
  summary: 'List the features of an idea.',
  needs: 'read',
  reply: z.object({ ok, features: featureList }),
  errors: ['not_found'],
  idempotent: true,
});

export const addFeature = endpoint({
  name: 'addFeature',
  method: 'POST',
  path: '/api/cli/ideas/:ideaId/features',
  summary: 'Add a feature to an idea.',
  body: z.extend(featureBody, { title: line.check(z.minLength(1)) }),
  maxBodyBytes: BODY_BYTES,
  reply: featureWritten,
  status: 201,
  errors: ['not_found', 'limit_reached'],
  idempotent: false,
});

export const updateFeature = endpoint({
  name: 'updateFeature',
  method: 'PATCH',
  path: '/api/cli/features/:featureId',
  summary: 'Change a feature. A change of `completed` alone needs no `updatedAt`.',
  body: z.extend(featureBody, { updatedAt: z.optional(z.string().check(z.maxLength(64))) }),
  maxBodyBytes: BODY_BYTES,
  reply: featureWritten,
  errors: ['not_found', 'record_changed', 'limit_reached'],
  idempotent: false,
});

export const removeFeature = endpoint({
  name: 'removeFeature',
  method: 'DELETE',
  path: '/api/cli/features/:featureId',
  summary: 'Remove a feature.',
  reply: z.object({ ok, removedFeatureId: z.string(), ideaId: z.string() }),
  errors: ['not_found'],
  idempotent: true,
});

export const world = z.object({
  id: z.string(),
  ideaId: z.string(),
  name: z.string(),
  projectRoot: absentable,
  githubUrl: absentable,
  codexSessionId: absentable,
  status: z.string(),
  updatedAt: z.string(),
});

export const getWorld = endpoint({
  name: 'getWorld',
  method: 'GET',
  path: '/api/cli/ideas/:ideaId/world',
  summary: 'Show the repository binding of an idea. Without a binding, the answer has no `world`.',
  needs: 'read',
  reply: z.object({ ok, world: z.optional(world) }),
  errors: ['not_found'],
  idempotent: true,
});

export const putWorld = endpoint({
  name: 'putWorld',
  method: 'PUT',
  path: '/api/cli/ideas/:ideaId/world',
  summary: 'Bind an idea to a repository. Omitted fields stay unchanged; null clears a field.',
  body: z.object({
    name: z.nullish(line),
    projectRoot: clearable,
    githubUrl: clearable,
    codexSessionId: clearable,
  }),
  reply: z.object({ ok, world }),
  errors: ['not_found'],
  idempotent: true,
});

/** A review of an idea. `queueCheckpoint` queues one. */
const checkpoint = z.object({
  id: z.string(),
  ideaId: z.string(),
  worldId: absentable,
  jobId: z.string(),
  triggerType: z.string(),
  /** The status of its job. */
  status: z.string(),
  createdAt: z.string(),
  respondedAt: absentable,
  /** The beginning of the response, on one line. */
  summary: absentable,
  /** Why there is no response. */
  error: absentable,
});

const structuredReview = z.object({
  previousState: absentable,
  currentState: absentable,
  headingState: absentable,
  reviewNotes: z.array(z.string()),
  actionItems: z.array(z.string()),
});

export const listCheckpoints = endpoint({
  name: 'listCheckpoints',
  method: 'GET',
  path: '/api/cli/ideas/:ideaId/checkpoints',
  summary: 'List the reviews of an idea, newest first, one page at a time.',
  query: z.object({
    limit: queryInteger(1, 200, 25),
    /** The `nextCursor` of the previous page: the id of its last review. */
    cursor: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_]{1,64}$/, 'was not issued by this list'))),
  }),
  reply: z.object({
    ok,
    checkpoints: z.array(checkpoint),
    /** Absent at the end. */
    nextCursor: absentable,
    hasMore: z.boolean(),
  }),
  errors: ['not_found'],
  idempotent: true,
  capability: 'reviews',
  needs: 'read',
});

export const showCheckpoint = endpoint({
  name: 'showCheckpoint',
  method: 'GET',
  path: '/api/cli/checkpoints/:checkpointId',
  summary: 'Show a review with its response, as text and in sections.',
  reply: z.object({
    ok,
    checkpoint: z.extend(checkpoint, {
      /** The complete response. */
      body: absentable,
      /** The sections of the response. Absent if there is no response, or if it is too long to be stored twice. */
      structuredOutput: z.optional(structuredReview),
    }),
  }),
  errors: ['not_found'],
  idempotent: true,
  capability: 'reviews',
  needs: 'read',
});

const contextSelection = z.object({
  includeIdeaTitle: z._default(z.boolean(), true),
  includeCorePlan: z._default(z.boolean(), true),
  includeGithub: z._default(z.boolean(), true),
  includeRepoBinding: z._default(z.boolean(), true),
  includePreviousResponseSummaries: z._default(z.boolean(), false),
  featureIds: z._default(z.array(sha).check(z.maxLength(200)), []),
  detailSectionRefs: z._default(
    z.array(z.object({ featureId: sha, detailSectionId: sha })).check(z.maxLength(500)),
    [],
  ),
  userNote: z._default(z.string().check(z.maxLength(32 * 1024)), ''),
});

export const queueCheckpoint = endpoint({
  name: 'queueCheckpoint',
  method: 'POST',
  path: '/api/cli/ideas/:ideaId/checkpoints',
  summary: 'Queue a review of an idea. The session that its world names writes the review.',
  body: z.object({
    triggerType: z._default(z.string().check(z.minLength(1), z.maxLength(64)), 'agent-feedback'),
    contextSelection,
    worldId: z.optional(sha),
    featureId: z.optional(sha),
    detailSectionId: z.optional(sha),
  }),
  needs: 'enqueue',
  reply: z.object({
    ok,
    id: z.string(),
    status: z.string(),
    worldId: absentable,
    ideaId: z.string(),
    jobId: z.string(),
    /** Present if the world's session cannot take the review and another session will. */
    note: absentable,
  }),
  status: 201,
  errors: ['not_found', 'idempotency_conflict', 'limit_reached'],
  idempotent: true,
});
