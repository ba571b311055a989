/** Gives every test file a migrated database. Applying twice changes nothing, so the order of set-up files is free. */

import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
