/** Small runs that `npm test` is tried with; none of them belongs to the tests of this project. */

import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['*.case.ts'], maxWorkers: 1 } });
