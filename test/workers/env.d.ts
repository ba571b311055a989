import type { D1Migration } from '@cloudflare/vitest-plugin';

declare global {
  namespace Cloudflare {
    interface Env {
      /** Only in tests: the migrations, read when the configuration is loaded. */
      TEST_MIGRATIONS: D1Migration[];
    }
  }
}
