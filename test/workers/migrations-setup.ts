/**
 * Gives every test file an empty, migrated database, no objects and the same time of day. The files of one worker share its
 * runtime, which takes longer to start than most of them run.
 */

import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { startOfFile } from './harness/clock.ts';

await reset();
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
startOfFile();
