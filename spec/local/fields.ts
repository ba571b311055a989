/** Fields that the schemas of the local records share. */

import * as z from 'zod/mini';
import { LINK_SOURCES, SCHEMA_VERSION } from './vocabulary.ts';

export const schemaVersion = z.literal(SCHEMA_VERSION);

/** A string that is not blank. */
export const present = z.string().check(z.minLength(1));

/** Written in UTC with whole seconds (`2026-04-01T10:00:00Z`). When read, fractions and offsets are also valid. */
export const timestamp = z.iso.datetime({ offset: true });

/** The program that created the record. Absent if unknown. */
export const linkSource = z.optional(z.enum(LINK_SOURCES));
