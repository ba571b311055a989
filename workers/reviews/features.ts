/** Features of an idea, with their detail sections. */

import { BOUNDS, utf8Length } from '../../spec/bounds.ts';
import type { Result } from '../../spec/errors.ts';
import { accept, refuse } from '../../spec/errors.ts';
import type { UserId } from '../../spec/ids.ts';
import { checkRoom, noRoom } from '../accounts/room.ts';
import type { Deps } from '../base/deps.ts';
import type { Added } from '../store/account-usage.ts';
import type { FeatureRow } from '../store/features.ts';
import * as store from '../store/features.ts';
import { after, findIdea, ideaTooLarge } from './ideas.ts';

export interface DetailSection {
  id: string;
  label: string;
  body: string;
}

export interface FeatureChange {
  title?: string | undefined;
  notes?: string | undefined;
  detail?: string | undefined;
  detailLabel?: string | undefined;
  details?: { id?: string | undefined; label?: string | undefined; body: string }[] | undefined;
  starred?: boolean | undefined;
  superStarred?: boolean | undefined;
  completed?: boolean | undefined;
  visibility?: string | undefined;
}

export async function listFeatures(
  deps: Deps,
  userId: UserId,
  ideaId: string,
): Promise<Result<FeatureRow[], 'not_found'>> {
  const idea = await findIdea(deps, userId, ideaId);
  return idea.ok ? accept(await store.featuresOfIdea(deps.db, userId, ideaId)) : idea;
}

export async function addFeature(
  deps: Deps,
  userId: UserId,
  change: FeatureChange & { ideaId: string; title: string },
): Promise<Result<FeatureRow, 'not_found' | 'body_too_large' | 'limit_reached'>> {
  const idea = await findIdea(deps, userId, change.ideaId);
  if (!idea.ok) return idea;

  const feature = applyChange(deps, emptyFeature(deps, change), change);
  const added = { features: 1, storedBytes: bytesOf(feature) };
  const fits = await checkSize(deps, userId, { feature, added });
  if (!fits.ok) return fits;

  const limits = deps.settings.accountLimits;
  const isAdded = await store.insertIfRoom(deps.db, userId, { feature, added, limits });
  if (isAdded) return accept(feature);
  // Another feature may have used the idea's free space since it was measured.
  const stillFits = await checkSize(deps, userId, { feature, added });
  return stillFits.ok ? noRoom(deps, userId, added) : stillFits;
}

/** Counts the bytes of a feature's text in the same way as the counters of the account. */
function bytesOf({ details, notes }: FeatureRow): number {
  return utf8Length(details) + utf8Length(notes ?? '');
}

/** Checks that a feature stays within its own size limit and the limit of its idea. */
async function checkSize(
  deps: Deps,
  userId: UserId,
  { feature, added }: { feature: FeatureRow; added: Added },
): Promise<Result<undefined, 'body_too_large'>> {
  const bytes = bytesOf(feature);
  if (bytes > BOUNDS.featureBytes) {
    return refuse(
      'body_too_large',
      `A feature may have at most ${BOUNDS.featureBytes} bytes of notes and sections; this one would have ${bytes}.`,
      'Move some sections into a new feature.',
    );
  }
  if ((added.storedBytes ?? 0) <= 0) return accept(undefined);
  const others = await store.measureOtherFeatures(deps.db, userId, feature);
  if (others.count >= BOUNDS.ideaFeatures) {
    return refuse(
      'body_too_large',
      `An idea may have at most ${BOUNDS.ideaFeatures} features.`,
      'Remove features you no longer need, or start another idea.',
    );
  }
  return others.bytes + bytes > BOUNDS.ideaBytes ? ideaTooLarge() : accept(undefined);
}

export async function updateFeature(
  deps: Deps,
  userId: UserId,
  change: FeatureChange & { id: string; updatedAt: string | undefined },
): Promise<Result<FeatureRow, 'not_found' | 'record_changed' | 'body_too_large' | 'limit_reached'>> {
  const read = await store.findFeature(deps.db, userId, change.id);
  if (read === undefined) return noFeature(change.id);

  if (change.updatedAt && change.updatedAt !== new Date(read.updatedAt).toISOString())
    return changed(change.id);
  const next = { ...applyChange(deps, read, change), updatedAt: after(read.updatedAt, deps.now) };

  const added = { storedBytes: bytesOf(next) - bytesOf(read) };
  const fits = await checkSize(deps, userId, { feature: next, added });
  if (!fits.ok) return fits;
  const room = await checkRoom(deps, userId, added);
  if (!room.ok) return room;

  const written = await store.updateFeatureIfUnchanged(deps.db, userId, {
    ...next,
    readAt: read.updatedAt,
    added: added.storedBytes,
  });
  return written ? accept(next) : changed(change.id);
}

export async function removeFeature(
  deps: Deps,
  userId: UserId,
  id: string,
): Promise<Result<{ ideaId: string }, 'not_found'>> {
  const read = await store.findFeature(deps.db, userId, id);
  if (read === undefined) return noFeature(id);
  await store.deleteFeature(deps.db, userId, id);
  return accept({ ideaId: read.ideaId });
}

export function sectionsOf(feature: FeatureRow): DetailSection[] {
  return JSON.parse(feature.details) as DetailSection[];
}

function emptyFeature(deps: Deps, { ideaId, title }: { ideaId: string; title: string }): FeatureRow {
  return {
    id: deps.newId('feature'),
    ideaId,
    title,
    notes: null,
    starred: 0,
    superStarred: 0,
    completed: 0,
    visibility: null,
    createdAt: deps.now,
    updatedAt: deps.now,
    details: '[]',
  };
}

function applyChange(deps: Deps, feature: FeatureRow, change: FeatureChange): FeatureRow {
  const flag = (next: boolean | undefined, before: number) => (next === undefined ? before : Number(next));
  return {
    ...feature,
    title: change.title?.trim() || feature.title,
    notes: change.notes ?? feature.notes,
    starred: flag(change.starred, feature.starred),
    superStarred: flag(change.superStarred, feature.superStarred),
    completed: flag(change.completed, feature.completed),
    visibility: change.visibility ?? feature.visibility,
    details: JSON.stringify(nextSections(deps, sectionsOf(feature), change)),
  };
}

/**
 * `details` replaces all sections, with one exception. When a person changes `detail`, the v0.4.4 client sends only the
 * first section. So if a request has `detail` or `detailLabel`, and all its sections have known ids, they are merged.
 */
function nextSections(deps: Deps, before: DetailSection[], change: FeatureChange): DetailSection[] {
  const given = change.details ?? legacySection(before, change);
  if (given === undefined) return before;
  const sections = given.map((section) => ({
    id: section.id || deps.newId('detail'),
    label: section.label?.trim() || 'Detail',
    body: section.body,
  }));
  const known = new Set(before.map((section) => section.id));
  const merges =
    (change.detail !== undefined || change.detailLabel !== undefined) &&
    sections.length > 0 &&
    sections.every((section) => known.has(section.id));
  if (!merges) return sections;
  return before.map((section) => sections.find((one) => one.id === section.id) ?? section);
}

function legacySection(before: DetailSection[], change: FeatureChange): FeatureChange['details'] {
  if (change.detail === undefined && change.detailLabel === undefined) return undefined;
  const [first] = before;
  return [
    { id: first?.id, label: change.detailLabel ?? first?.label, body: change.detail ?? first?.body ?? '' },
  ];
}

function noFeature(id: string) {
  return refuse('not_found', `There is no feature ${id}.`, 'Show the idea to see its features.');
}

function changed(id: string) {
  return refuse(
    'record_changed',
    `Feature ${id} was changed since you read it.`,
    'Show it again and repeat your change.',
  );
}
