/**
 * `~/.config/orp/policy.json`: what may run on this machine. Only the owner writes it, with an editor. Neither a job nor the
 * server can loosen it. An absent key allows everything; an empty list allows nothing.
 */

import * as z from 'zod';
import { JOB_KINDS } from '../job/kinds.ts';
import { schemaVersion } from './fields.ts';

/** What the commands of the agent may do (`sandbox_mode` of Codex), from the narrowest to the widest. */
const CODEX_SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export type CodexSandbox = (typeof CODEX_SANDBOXES)[number];

/**
 * When the agent must ask (`approval_policy` of Codex). Nobody is there to answer, so a step that needs an approval does not
 * happen.
 */
const CODEX_APPROVALS = ['on-request', 'never'] as const;
export type CodexApproval = (typeof CODEX_APPROVALS)[number];

/** When the runner asks a person at the terminal before it runs a job. */
const CONFIRMATIONS = ['always', 'unknown-sender', 'never'] as const;

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** The word for the account that this machine is signed in to. */
export const OWNER = 'owner';

/** The maximum number of entries in a list. It is more than a person maintains. */
const MAX_ENTRIES = 500;
const MAX_RUN_MINUTES = 24 * 60;

const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;

const entry = z.string().trim().min(1).max(1024);
const entries = z.array(entry).max(MAX_ENTRIES).optional();
const clock = z.string().regex(CLOCK, 'must be a time of day like 22:00');

const repository = entry.regex(/^(\/|~\/|~$)/, 'must be an absolute path or begin with ~/');

/** Local time. `to` before `from` crosses midnight and belongs to the day on which it begins. */
const quietSpanSchema = z
  .strictObject({
    from: clock.describe('Local time of day, HH:MM.'),
    to: clock.describe(
      'Local time of day, HH:MM. If it is earlier than `from`, the window ends on the next day.',
    ),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .optional()
      .describe('Days on which the window begins. If absent, every day.'),
  })
  .refine((span) => span.from !== span.to && !(span.from === '24:00' && span.to === '00:00'), {
    message: 'from and to are the same time; write 00:00 to 24:00 for a whole day',
    path: ['to'],
  });

/** The keys are in the order of the documentation. Each key is the name of a rule. */
export const policySchema = z
  .strictObject({
    schema_version: schemaVersion,
    repositories: z
      .array(repository)
      .max(MAX_ENTRIES)
      .optional()
      .describe('Absolute paths or globs (`*` in a name, `**` over folders) in which agents may work.'),
    sessions: entries.describe(
      'Ids of the sessions (ORP or Codex) that may take jobs. `*` stands for any text.',
    ),
    job_kinds: z.array(z.enum(JOB_KINDS)).optional().describe('Kinds of jobs that may run.'),
    accounts: entries.describe(
      `Accounts whose jobs may run, by e-mail; \`${OWNER}\` is the signed-in one, \`*\` stands for any text. Absent: the signed-in one, and jobs that name no sender.`,
    ),
    codex_sandbox: z.enum(CODEX_SANDBOXES).optional().describe('Passed to Codex as sandbox_mode.'),
    codex_approval: z
      .enum(CODEX_APPROVALS)
      .optional()
      .describe('Passed to Codex as approval_policy. `codex exec` may ignore it and use never.'),
    max_run_minutes: z
      .int()
      .min(1)
      .max(MAX_RUN_MINUTES)
      .optional()
      .describe('Maximum run time of an agent. A job cannot ask for a longer time.'),
    quiet_hours: z
      .array(quietSpanSchema)
      .max(50)
      .optional()
      .describe('In these hours the runner claims no jobs. They wait in the queue.'),
    confirm: z
      .enum(CONFIRMATIONS)
      .optional()
      .describe(
        'Whether the runner asks a person at the terminal before a job starts. Without a terminal, it refuses such jobs.',
      ),
  })
  .meta({
    title: 'Runner policy',
    description: 'What may run on this machine. An absent key allows everything, an empty list nothing.',
  });

/** A valid policy. */
export type Policy = z.output<typeof policySchema>;
export type QuietSpan = z.output<typeof quietSpanSchema>;
