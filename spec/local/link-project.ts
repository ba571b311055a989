/** `LINK/project.json`: which hosted idea a repository is linked to. Published as `spec/v1/link-project.schema.json`. */

import * as z from 'zod/mini';
import { linkSource, present, schemaVersion, timestamp } from './fields.ts';

/** The keys are in the order in which they are written. */
export const linkProjectSchema = z
  .strictObject({
    schema_version: schemaVersion,
    idea_id: present,
    project_root: present.check(z.describe('Absolute path of the linked repository.')),
    linked_at_utc: timestamp,
    idea_title: z.optional(z.string()),
    world_id: z.optional(z.string()),
    world_name: z.optional(z.string()),
    github_url: z
      .optional(z.string())
      .check(z.describe('URL of the GitHub repository, without credentials.')),
    linked_email: z.optional(z.string()).check(z.describe('Account that linked the repository.')),
    notes: z.optional(z.string()),
    source: linkSource,
  })
  .check(
    z.meta({ title: 'Linked project', description: 'Link of a repository to a hosted idea and its world.' }),
  );

/** A valid link of a repository. */
export type LinkProject = z.output<typeof linkProjectSchema>;
