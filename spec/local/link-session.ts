/** `LINK/sessions/<file>.json`: one agent session of a repository. Published as `spec/v1/link-session.schema.json`. */

import { z } from 'zod';
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
    project_root: present.describe('Absolute path of the folder the agent works in.'),
    created_at_utc: timestamp,
    last_active_at_utc: timestamp,
    archived: z.boolean(),
    primary: z.boolean().describe('Takes the work that names no session. Never true when archived.'),
    source: linkSource,
    codex_session_id: z.string().optional().describe('Without it the session cannot take work.'),
    agent: z.string().optional().describe('The agent of the session. Absent: codex.'),
    agent_session_id: z
      .string()
      .optional()
      .describe(
        'Its id at an agent other than codex. A client of v0.4.4 sees a session that cannot take work.',
      ),
    role: z.enum(SESSION_ROLES).optional().describe('For people; no effect on routing.'),
    terminal_target: terminalTarget.optional(),
    notes: z.string().optional(),
  })
  .meta({ title: 'Linked session', description: 'An agent session that belongs to a linked repository.' });

/** A valid session record. */
export type LinkSession = z.output<typeof linkSessionSchema>;
export type TerminalTarget = z.output<typeof terminalTarget>;
