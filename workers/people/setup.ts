/**
 * The set-up of the first operator. `npm start` and `npm run operator` print a one-time link, which is valid for a day. If
 * the server already has an operator, the link does not work.
 */

import type { Deps } from '../base/deps.ts';
import { type Redeem, redeem } from './redeem.ts';

export function setUp(deps: Deps, form: Redeem): ReturnType<typeof redeem> {
  return redeem(deps, 'setup', form);
}
