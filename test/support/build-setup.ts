import type { TestProject } from 'vitest/node';
import { buildOrp } from '../../scripts/local/build-orp.ts';

/** Builds `dist/orp.js` once before the tests that start `orp`, and again if a watched file has changed. */
export default function buildOnce(project: TestProject): void {
  buildOrp();
  project.onTestsRerun(() => buildOrp());
}
