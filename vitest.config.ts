/** Three kinds of tests: in Node, end to end (real processes, one after the other), and inside workerd. */

import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** `orp` runs from its sources in tests; compiled once, it starts three times as fast. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('node_modules/.cache/orp-runner/compiled', import.meta.url));

export default defineConfig({
  test: {
    /** Four times what the slowest tests take on two idle cores; a hanging test is named well before `npm test` stops the run. */
    testTimeout: 60_000,
    hookTimeout: 90_000,
    /** Vitest would leave one of two cores idle. */
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'node',
          env: { NODE_COMPILE_CACHE },
          /** A process for each file would take as long as most of them run. */
          isolate: false,
          include: ['test/{spec,cli,contract,scripts}/**/*.test.ts'],
          environment: 'node',
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['test/support/build-setup.ts'],
          testTimeout: 360_000,
          hookTimeout: 180_000,
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
          /** One runtime for many files; the set-up empties it before each. */
          isolate: false,
        },
      },
    ],
  },
});
