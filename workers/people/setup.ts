/**
 * The first operator. Whoever runs the server gets a link that works once and for a day (`npm start`, `npm run operator`).
 * Once there is an operator, no such link works.
 */

import type { Deps } from '../base/deps.ts';
import { type Redeem, redeem } from './redeem.ts';

export function setUp(deps: Deps, form: Redeem): ReturnType<typeof redeem> {
  return redeem(deps, 'setup', form);
}
