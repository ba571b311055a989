/**
 * Three kinds of tests: in Node, inside workerd, and end to end. One kind runs after the other, because each uses two cores
 * well with another number of workers: the more its tests wait for processes, the more of them run at once.
 */

import { fileURLToPath } from 'node:url';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { writeStaticFiles } from './scripts/local/static-files.ts';

/** Tests start `orp` and agents hundreds of times; what is compiled once starts faster. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('node_modules/.cache/orp-runner/compiled', import.meta.url));

/** Starts the files first that wait for a long time, so that others run beside them. */
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isWaiting = ({ moduleId }: TestSpecification) => Number(moduleId.endsWith('e2e/idle.test.ts'));
    return (await super.sort(files)).sort((a, b) => isWaiting(b) - isWaiting(a));
  }
}

writeStaticFiles();

export default defineConfig({
  test: {
    /** Four times what the slowest tests take on two idle cores; a hanging test is named well before `npm test` stops the run. */
    testTimeout: 60_000,
    hookTimeout: 90_000,
    /** Vitest would leave one of two cores idle. */
    maxWorkers: 2,
    sequence: { sequencer: WaitingFirst },
    projects: [
      {
        test: {
          name: 'node',
          env: { NODE_COMPILE_CACHE },
          /** A process for each file would take as long as most of them run. */
          isolate: false,
          /** Its tests wait half of their time, for processes and timers. */
          maxWorkers: 6,
          sequence: { groupOrder: 0 },
          include: ['test/{spec,cli,contract,scripts}/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['test/support/build-setup.ts'],
        },
      },
      {
        test: {
          name: 'e2e',
          isolate: false,
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          globalSetup: ['test/support/build-setup.ts'],
          testTimeout: 360_000,
          hookTimeout: 180_000,
          /** Each file starts a whole server, which waits for most of the time. */
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
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
          /** Some of its tests wait for the pace of the server. */
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
