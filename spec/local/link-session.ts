/** `LINK/sessions/<file>.json`: one agent session of a repository. Published as `spec/v1/link-session.schema.json`. */

import * as z from 'zod/mini';
import { linkSource, present, schemaVersion, timestamp } from './fields.ts';
import { SESSION_ROLES, SESSION_STATES } from './vocabulary.ts';

const terminalTarget = z.strictObject({ window_id: z.int(), tab_number: z.int() });

/** The keys are in the order in which they are written. */
export const linkSessionSchema = z
  .strictObject({
    schema_version: schemaVersion,
    orp_session_id: present,
    label: present,
    state: z.enum(SESSION_STATES),
    project_root: present.check(z.describe('Absolute path of the folder in which the agent works.')),
    created_at_utc: timestamp,
    last_active_at_utc: timestamp,
    archived: z.boolean(),
    primary: z
      .boolean()
      .check(
        z.describe(
          'The primary session takes jobs that name no session. An archived session is never primary.',
        ),
      ),
    source: linkSource,
    codex_session_id: z
      .optional(z.string())
      .check(z.describe('Id that Codex gave the session. Without it, the session cannot take jobs.')),
    agent: z.optional(z.string()).check(z.describe('The agent of the session. If absent, codex.')),
    agent_session_id: z
      .optional(z.string())
      .check(
        z.describe(
          'Id that an agent other than Codex gave the session. A v0.4.4 client sees such a session as unable to take jobs.',
        ),
      ),
    role: z
      .optional(z.enum(SESSION_ROLES))
      .check(z.describe('A note for people. It has no effect on routing.')),
    terminal_target: z.optional(terminalTarget),
    notes: z.optional(z.string()),
  })
  .check(
    z.meta({ title: 'Linked session', description: 'An agent session that belongs to a linked repository.' }),
  );

/** A valid session record. */
export type LinkSession = z.output<typeof linkSessionSchema>;
export type TerminalTarget = z.output<typeof terminalTarget>;
