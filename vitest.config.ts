/** Three kinds of tests: in Node, end to end (real processes, one after the other), and inside workerd. */

import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    /** Local runs are quiet; a hanging test is reported with its name well before the hard limit of `npm test`. */
    testTimeout: 15_000,
    hookTimeout: 30_000,
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/{spec,cli,contract}/**/*.test.ts'],
          environment: 'node',
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['test/support/build-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          /** Each file starts a whole hosted side; two at once is what a small machine carries. */
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { TEST_MIGRATIONS: await readD1Migrations('./migrations') } },
          })),
        ],
        test: {
          name: 'workers',
          include: ['test/workers/**/*.test.ts', 'test/workers/**/*.test.tsx'],
          setupFiles: ['test/workers/migrations-setup.ts'],
        },
      },
    ],
  },
});
