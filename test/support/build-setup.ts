import { buildOrp } from '../../scripts/local/build-orp.ts';

/** Builds `dist/orp.js` once before the end-to-end tests, which run the command that people install. */
export default function buildOnce(): void {
  buildOrp();
}
