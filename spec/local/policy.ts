/**
 * `~/.config/orp/policy.json`: what may run on this machine. Only the owner writes it, with an editor. Neither a job nor the
 * server can loosen it. An absent key allows everything; an empty list allows nothing.
 */

import * as z from 'zod/mini';
import { JOB_KINDS } from '../job/kinds.ts';
import { schemaVersion } from './fields.ts';

/** What the commands of the agent may do (`sandbox_mode` of Codex), from the narrowest to the widest. */
const CODEX_SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export type CodexSandbox = (typeof CODEX_SANDBOXES)[number];

/**
 * When the agent must ask for approval (`approval_policy` of Codex). No person can answer during a job, so the agent skips a step that
 * needs an approval.
 */
const CODEX_APPROVALS = ['on-request', 'never'] as const;
export type CodexApproval = (typeof CODEX_APPROVALS)[number];

/** When the runner asks a person at the terminal before it runs a job. */
const CONFIRMATIONS = ['always', 'unknown-sender', 'never'] as const;

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** The word for the account that this machine is signed in to. */
export const OWNER = 'owner';

/** The maximum number of entries in a list. No person maintains a longer list. */
const MAX_ENTRIES = 500;
const MAX_RUN_MINUTES = 24 * 60;

const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;

const entry = z.string().check(z.trim(), z.minLength(1), z.maxLength(1024));
const entries = z.optional(z.array(entry).check(z.maxLength(MAX_ENTRIES)));
const clock = z.string().check(z.regex(CLOCK, 'must be a time of day like 22:00'));

const repository = entry.check(z.regex(/^(\/|~\/|~$)/, 'must be an absolute path or begin with ~/'));

/** Local time. `to` before `from` crosses midnight and belongs to the day on which it begins. */
const quietSpanSchema = z
  .strictObject({
    from: clock.check(z.describe('Local time of day, HH:MM.')),
    to: clock.check(
      z.describe('Local time of day, HH:MM. If it is earlier than `from`, the window ends on the next day.'),
    ),
    days: z
      .optional(z.array(z.enum(WEEKDAYS)).check(z.minLength(1)))
      .check(z.describe('Days on which the window begins. If absent, every day.')),
  })
  .check(
    z.refine((span) => span.from !== span.to && !(span.from === '24:00' && span.to === '00:00'), {
      message: 'from and to are the same time; write 00:00 to 24:00 for a whole day',
      path: ['to'],
    }),
  );

/** The keys are in the order of the documentation. Each key is the name of a rule. */
export const policySchema = z
  .strictObject({
    schema_version: schemaVersion,
    repositories: z
      .optional(z.array(repository).check(z.maxLength(MAX_ENTRIES)))
      .check(
        z.describe('Absolute paths or globs (`*` in a name, `**` over folders) in which agents may work.'),
      ),
    sessions: entries.check(
      z.describe('Ids of the sessions (ORP or Codex) that may take jobs. `*` stands for any text.'),
    ),
    job_kinds: z.optional(z.array(z.enum(JOB_KINDS))).check(z.describe('Kinds of jobs that may run.')),
    accounts: entries.check(
      z.describe(
        `Accounts whose jobs may run, by e-mail; \`${OWNER}\` is the signed-in one, \`*\` stands for any text. Absent: the signed-in one, and jobs that name no sender.`,
      ),
    ),
    codex_sandbox: z.optional(z.enum(CODEX_SANDBOXES)).check(z.describe('Passed to Codex as sandbox_mode.')),
    codex_approval: z
      .optional(z.enum(CODEX_APPROVALS))
      .check(z.describe('Passed to Codex as approval_policy. `codex exec` may ignore it and use never.')),
    max_run_minutes: z
      .optional(z.int().check(z.minimum(1), z.maximum(MAX_RUN_MINUTES)))
      .check(z.describe('Maximum run time of an agent. A job cannot ask for a longer time.')),
    quiet_hours: z
      .optional(z.array(quietSpanSchema).check(z.maxLength(50)))
      .check(z.describe('In these hours the runner claims no jobs. They wait in the queue.')),
    confirm: z
      .optional(z.enum(CONFIRMATIONS))
      .check(
        z.describe(
          'Whether the runner asks a person at the terminal before a job starts. Without a terminal, it refuses such jobs.',
        ),
      ),
  })
  .check(
    z.meta({
      title: 'Runner policy',
      description:
        'The rules for jobs on this machine. An absent key allows everything. An empty list allows nothing.',
    }),
  );

/** A valid policy. */
export type Policy = z.output<typeof policySchema>;
export type QuietSpan = z.output<typeof quietSpanSchema>;
