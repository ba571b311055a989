import type { D1Migration } from '@cloudflare/vitest-plugin';

declare global {
  namespace Cloudflare {
    interface Env {
      /** Only in tests: the migrations, read when the configuration is loaded. */
      TEST_MIGRATIONS: D1Migration[];
    }
  }

  interface ImportMeta {
    /** The texts of files of this repository, by path; the bundler of the tests reads them. */
    glob(pattern: string, options: { query: '?raw'; import: 'default'; eager: true }): Record<string, string>;
    /** What these files export. */
    glob(pattern: string, options: { eager: true }): Record<string, object>;
  }
}
