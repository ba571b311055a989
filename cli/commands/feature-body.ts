/** The body of a feature request, from the options of `orp feature add` and `orp feature update`. */

import { readFile } from 'node:fs/promises';
import { messageOf, usageError } from '../base/exit.ts';
import { readString } from '../files/fields.ts';
import { isMissing, isObject } from '../files/json-file.ts';
import { resolvePath } from '../files/paths.ts';

export interface BodyOptions {
  title?: string;
  notes?: string;
  detail?: string;
  detailLabel?: string;
  detailsFile?: string;
  detailsJson?: string;
  clearDetails?: boolean;
  starred?: boolean;
  superStarred?: boolean;
  visibility?: string;
  completed?: boolean;
  incomplete?: boolean;
}

export interface Section {
  id?: string;
  label: string;
  body: string;
}

export interface FeatureBody {
  title?: string;
  notes?: string;
  detail?: string;
  detailLabel?: string;
  details?: Section[];
  starred?: true;
  superStarred?: true;
  completed?: boolean;
  visibility?: string;
}

/** The label of a section for which the user gave no label, as in v0.4.4. */
const DEFAULT_LABEL = 'Detail';

/**
 * Builds the body. The sections come from the first of these options that is given: --clear-details, --details-file,
 * --details-json, --detail with --detail-label.
 *
 * @param before the sections that the feature has now. `--detail` changes the first one and keeps the others.
 */
export async function featureBody(
  options: BodyOptions,
  { cwd, before }: { cwd: string; before: readonly Section[] },
): Promise<FeatureBody> {
  const title = options.title?.trim();
  if (title === '') throw usageError('--title is blank.', 'A feature needs a title.');
  const sections = await readSections(options, cwd);
  const { detail, detailLabel } = options;
  const isDetail = sections === undefined && (detail !== undefined || detailLabel !== undefined);
  return {
    ...(title === undefined ? {} : { title }),
    ...(options.notes === undefined ? {} : { notes: options.notes }),
    ...(isDetail && detail !== undefined ? { detail } : {}),
    ...(isDetail && detailLabel !== undefined ? { detailLabel } : {}),
    ...(sections === undefined ? {} : { details: sections }),
    ...(isDetail ? { details: withFirst(before, { detail, detailLabel }) } : {}),
    ...(options.starred ? { starred: true as const } : {}),
    ...(options.superStarred ? { superStarred: true as const } : {}),
    ...(options.visibility?.trim() ? { visibility: options.visibility.trim() } : {}),
    ...completion(options),
  };
}

function completion({ completed, incomplete }: BodyOptions): { completed?: boolean } {
  if (completed && incomplete)
    throw usageError('--completed and --incomplete exclude each other.', 'Pass one.');
  return completed || incomplete ? { completed: Boolean(completed) } : {};
}

/** Sends all sections, because a server that does not merge them would drop the others. */
function withFirst(
  [first, ...others]: readonly Section[],
  { detail, detailLabel }: { detail: string | undefined; detailLabel: string | undefined },
): Section[] {
  const label = detailLabel?.trim() || first?.label || DEFAULT_LABEL;
  return [{ ...first, label, body: detail ?? first?.body ?? '' }, ...others];
}

async function readSections(options: BodyOptions, cwd: string): Promise<Section[] | undefined> {
  if (options.clearDetails) return [];
  if (options.detailsFile !== undefined) {
    const path = resolvePath(cwd, options.detailsFile);
    return sectionsIn(await readDetailsFile(path), `The file of --details-file (${path})`);
  }
  if (options.detailsJson !== undefined) return sectionsIn(options.detailsJson, '--details-json');
  return undefined;
}

async function readDetailsFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error))
      throw usageError(`File not found: ${path}.`, 'Check the path after --details-file.');
    throw usageError(`Could not read ${path}: ${messageOf(error)}`, 'Check the path after --details-file.');
  }
}

const FORM =
  'Write a list of sections such as [{"label": "Spacing", "body": "10 m"}], one section, or one text in quotes.';

function sectionsIn(text: string, name: string): Section[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError(`${name} is not JSON.`, FORM);
  }
  const list = listIn(value);
  if (list === undefined) throw usageError(`${name} has no sections.`, FORM);
  return list.flatMap((entry) => sectionOf(entry, name) ?? []);
}

/** A list, an object with a list, one section, or one text. */
function listIn(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [value];
  if (!isObject(value)) return undefined;
  const inner = [value.detailSections, value.details].find((one) => Array.isArray(one));
  if (Array.isArray(inner)) return inner;
  return 'body' in value || 'detail' in value || 'label' in value ? [value] : undefined;
}

/** Reads one section. Returns undefined for an entry that says nothing: null, or without text and id. */
function sectionOf(entry: unknown, name: string): Section | undefined {
  if (entry === null || entry === undefined) return undefined;
  if (typeof entry === 'string')
    return entry.trim() === '' ? undefined : { label: DEFAULT_LABEL, body: entry };
  if (!isObject(entry)) throw usageError(`${name} has an entry that is no section.`, FORM);
  const text = [entry.body, entry.detail].find((one) => typeof one === 'string');
  const body = typeof text === 'string' ? text : '';
  const id = readString(entry, 'id');
  if (id === undefined && body.trim() === '') return undefined;
  return {
    label: readString(entry, 'label', 'detailLabel') ?? DEFAULT_LABEL,
    body,
    ...(id === undefined ? {} : { id }),
  };
}

/** The sections of a feature as the server shows it. Old servers have only one, in two flat fields. */
export function sectionsOf(feature: Record<string, unknown>): Section[] {
  const { detailSections } = feature;
  if (Array.isArray(detailSections))
    return detailSections.flatMap((one) => sectionOf(one, 'The answer') ?? []);
  return [sectionOf({ body: feature.detail, label: feature.detailLabel }, 'The answer')].filter(
    (one) => one !== undefined,
  );
}
