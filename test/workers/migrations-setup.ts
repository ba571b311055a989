/**
 * Gives every test file an empty, migrated database and no objects. The files of one worker share its runtime, which takes
 * longer to start than most of them run.
 */

import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

await reset();
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
