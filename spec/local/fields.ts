/** Fields that the schemas of the local records share. */

import { z } from 'zod';
import { LINK_SOURCES, SCHEMA_VERSION } from './vocabulary.ts';

export const schemaVersion = z.literal(SCHEMA_VERSION);

/** A string that is not blank. */
export const present = z.string().min(1);

/** UTC with whole seconds is what is written (`2026-04-01T10:00:00Z`); fractions and offsets are valid, too. */
export const timestamp = z.iso.datetime({ offset: true });

/** Where the record came from; absent in records of unknown origin. */
export const linkSource = z.enum(LINK_SOURCES).optional();
