/**
 * `machine.json` and its copy `LINK/runner.json`: this computer as a runner. Published as `spec/v1/runner-
 * machine.schema.json`.
 */

import * as z from 'zod/mini';
import { present, schemaVersion, timestamp } from './fields.ts';

/** The keys are in the order in which they are written. */
export const runnerMachineSchema = z
  .strictObject({
    schema_version: schemaVersion,
    machine_id: present.check(
      z.describe('Created once. The server binds it to the account that first synced the machine.'),
    ),
    machine_name: present,
    platform: z.string().check(z.describe('`macos`, `windows`, `linux` or another lower-case system name.')),
    app_version: z.optional(z.string()).check(z.describe('Version of the client that wrote the record.')),
    runner_enabled: z
      .boolean()
      .check(z.describe('Whether the owner allows this machine to run jobs from the server.')),
    linked_email: z
      .optional(z.string())
      .check(z.describe('Account that was used in the last enable, heartbeat or sync.')),
    last_heartbeat_at_utc: z.optional(timestamp),
    last_sync_at_utc: z.optional(timestamp),
  })
  .check(
    z.meta({ title: 'Runner machine', description: 'A computer that works on jobs of the hosted side.' }),
  );

/** A valid machine record. */
export type RunnerMachine = z.output<typeof runnerMachineSchema>;
