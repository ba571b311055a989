/**
 * Checkpoint reviews. This file composes their prompts and parses their answers; they run as jobs of kind `idea.checkpoint`.
 */

import { utf8Length } from '../../spec/bounds.ts';
import {
  composeReviewPrompt,
  MAX_PREVIOUS_SUMMARIES,
  type ReviewContext,
} from '../../spec/checkpoint/prompt.ts';
import { parseSections, summarizeReview } from '../../spec/checkpoint/sections.ts';
import type { BodyOf } from '../../spec/contract/endpoint.ts';
import type { queueCheckpoint as queueRow } from '../../spec/contract/ideas.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import { DEFAULT_EXPIRY_MS, DEFAULT_MAX_ATTEMPTS, KINDS, MAX_PROMPT_BYTES } from '../../spec/job/kinds.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import { findEarlier, insertJob } from '../jobs/enqueue.ts';
import type { JobView } from '../jobs/job-view.ts';
import { insertCheckpointWithJob, latestSummaries, respondIfFinished } from '../store/checkpoints.ts';
import type { Statement } from '../store/database.ts';
import type { FeatureRow } from '../store/features.ts';
import { featuresOfIdea } from '../store/features.ts';
import type { IdeaRow } from '../store/ideas.ts';
import type { Outcome } from '../store/job-moves.ts';
import type { WorldRow } from '../store/worlds.ts';
import { worldOfIdea } from '../store/worlds.ts';
import { sectionsOf } from './features.ts';
import { findIdea } from './ideas.ts';

export type CheckpointOrder = BodyOf<typeof queueRow> & { ideaId: string };

export interface QueuedCheckpoint {
  id: string;
  status: string;
  worldId: string | undefined;
  ideaId: string;
  jobId: string;
  note: string | undefined;
}

export async function queueCheckpoint(
  deps: Deps,
  user: SignedIn,
  {
    order,
    idempotencyKey,
    source,
  }: { order: CheckpointOrder; idempotencyKey: string | undefined; source: string },
): Promise<
  Result<QueuedCheckpoint, 'not_found' | 'idempotency_conflict' | 'body_too_large' | 'limit_reached'>
> {
  const { requestHash, earlier } = await findEarlier(deps, user, { order, idempotencyKey });
  if (earlier !== undefined) return earlier.ok ? accept(checkpointOf(order, earlier.value.job)) : earlier;
  const idea = await findIdea(deps, user.id, order.ideaId);
  if (!idea.ok) return idea;
  const world = await worldOfIdea(deps.db, user.id, order.ideaId);
  if (order.worldId && world?.id !== order.worldId) {
    return refuse(
      'not_found',
      `worldId: idea ${order.ideaId} has no world ${order.worldId}.`,
      'Leave worldId out to use the bound one.',
    );
  }
  const context = await readContext(deps, user, { order, idea: idea.value, world });
  if (!context.ok) return context;
  const prompt = composeReviewPrompt(context.value);
  if (utf8Length(prompt) > MAX_PROMPT_BYTES) return promptTooLong(utf8Length(prompt));

  const checkpointId = deps.newId('checkpoint');
  const jobId = deps.newId('job');
  const queued = await insertJob(deps, user, {
    job: {
      id: jobId,
      kind: 'idea.checkpoint',
      createdAt: deps.now,
      createdBy: user.email,
      source,
      priority: 0,
      availableAt: deps.now,
      expiresAt: deps.now + DEFAULT_EXPIRY_MS,
      onLeaseLoss: KINDS['idea.checkpoint'].onLeaseLoss,
      onUsageLimit: 'wait',
      maxAttempts: DEFAULT_MAX_ATTEMPTS,
      timeoutSeconds: null,
      sessionFallback: 'primary',
      ideaId: order.ideaId,
      worldId: world?.id ?? null,
      checkpointId,
      targetMachineId: null,
      targetProjectRoot: null,
      targetOrpSessionId: null,
      targetCodexSessionId: world?.codexSessionId ?? null,
      prompt,
      idempotencyKey,
      requestHash,
    },
    together: [
      insertCheckpointWithJob(user.id, {
        id: checkpointId,
        ideaId: order.ideaId,
        worldId: world?.id,
        jobId,
        triggerType: order.triggerType,
        context: JSON.stringify(order.contextSelection),
        now: deps.now,
      }),
    ],
  });
  if (!queued.ok) return queued;
  return accept(checkpointOf(order, queued.value.job));
}

function checkpointOf({ ideaId }: CheckpointOrder, job: JobView): QueuedCheckpoint {
  return {
    id: job.checkpointId ?? '',
    status: job.status,
    worldId: job.worldId,
    ideaId,
    jobId: job.id,
    note: job.waiting?.note,
  };
}

async function readContext(
  deps: Deps,
  user: SignedIn,
  { order, idea, world }: { order: CheckpointOrder; idea: IdeaRow; world: WorldRow | undefined },
): Promise<Result<ReviewContext, 'not_found'>> {
  const wanted = order.contextSelection;
  const features = await selectFeatures(deps, user, order);
  if (!features.ok) return features;
  const summaries = wanted.includePreviousResponseSummaries
    ? await latestSummaries(deps.db, user.id, { ideaId: idea.id, limit: MAX_PREVIOUS_SUMMARIES })
    : [];
  return accept({
    ideaTitle: wanted.includeIdeaTitle ? idea.title : undefined,
    corePlan: wanted.includeCorePlan ? idea.notes : undefined,
    githubUrl: wanted.includeGithub ? (world?.githubUrl ?? idea.githubUrl ?? undefined) : undefined,
    repository:
      wanted.includeRepoBinding && world
        ? { name: world.name, projectRoot: world.projectRoot ?? undefined }
        : undefined,
    features: features.value,
    previousSummaries: summaries.map((row) => row.summary).reverse(),
    userNote: wanted.userNote,
  });
}

/** Reads the features and sections that the request names. Refuses the request if one of them does not exist. */
async function selectFeatures(
  deps: Deps,
  user: SignedIn,
  order: CheckpointOrder,
): Promise<Result<ReviewContext['features'], 'not_found'>> {
  const { featureId, detailSectionId } = order;
  const refs = unique([
    ...order.contextSelection.detailSectionRefs,
    ...(featureId && detailSectionId ? [{ featureId, detailSectionId }] : []),
  ]);
  const whole = new Set(order.contextSelection.featureIds);
  if (order.featureId && !order.detailSectionId) whole.add(order.featureId);
  const ids = [...new Set([...whole, ...refs.map((ref) => ref.featureId)])];
  if (ids.length === 0) return accept([]);

  const rows = await featuresOfIdea(deps.db, user.id, order.ideaId);
  const chosen: ReviewContext['features'][number][] = [];
  for (const id of ids) {
    const row = rows.find((one) => one.id === id);
    if (row === undefined) return missing('feature', id);
    const part = selectSections(row, whole.has(id) ? undefined : refs.filter((ref) => ref.featureId === id));
    if (!part.ok) return part;
    chosen.push(part.value);
  }
  return accept(chosen);
}

/** Removes duplicates, so that a section is quoted once. */
function unique(refs: readonly { featureId: string; detailSectionId: string }[]) {
  return [
    ...new Map(refs.map((ref) => [JSON.stringify([ref.featureId, ref.detailSectionId]), ref])).values(),
  ];
}

function promptTooLong(bytes: number) {
  return refuse(
    'body_too_large',
    `contextSelection: the prompt of this review would have ${bytes} bytes; the limit is ${MAX_PROMPT_BYTES}.`,
    'Select fewer features or sections, or omit the core plan.',
  );
}

function selectSections(
  row: FeatureRow,
  refs: { detailSectionId: string }[] | undefined,
): Result<ReviewContext['features'][number], 'not_found'> {
  const sections = sectionsOf(row);
  if (refs === undefined) return accept({ title: row.title, notes: row.notes ?? undefined, sections });
  const chosen = refs.map((ref) => sections.find((section) => section.id === ref.detailSectionId));
  const gap = chosen.indexOf(undefined);
  if (gap >= 0) return missing('detail section', refs[gap]?.detailSectionId ?? '');
  return accept({
    title: row.title,
    notes: row.notes ?? undefined,
    sections: chosen.filter((one) => one !== undefined),
  });
}

/** The statement that records the response in the batch that finishes the job. For a prompt it changes no row. */
export function respondTo(deps: Deps, job: { userId: string; id: string }, outcome: Outcome): Statement {
  const body = outcome.content ?? '';
  const review = parseSections(body);
  return respondIfFinished(job, {
    responseId: deps.newId('response'),
    leaseId: outcome.leaseId,
    success: outcome.success,
    summary: outcome.success ? summarizeReview(review, body) : (outcome.summary ?? undefined),
    error: outcome.error,
    structuredOutput: outcome.success ? structuredWithin(JSON.stringify(review), body) : undefined,
    body: outcome.content,
    now: outcome.now,
  });
}

/** A database row has at most 2 MB. Parsed sections are omitted if they and the full text would not fit. */
const MAX_ROW_LENGTH = 1_500_000;

function structuredWithin(sections: string, body: string): string | undefined {
  const length = utf8Length(sections) + utf8Length(body);
  return length <= MAX_ROW_LENGTH ? sections : undefined;
}

function missing(what: string, id: string) {
  return refuse(
    'not_found',
    `The idea has no ${what} ${id}.`,
    'Show the idea to see its features and sections.',
  );
}
