/** The check for orders that only operators may give. */

import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { SignedIn } from './authenticate.ts';

/** Refuses everybody who is not an operator. */
export function requireOperator(user: SignedIn): Result<undefined, 'forbidden'> {
  if (user.role === 'operator') return accept(undefined);
  return refuse(
    'forbidden',
    'Only an operator may do this.',
    'Ask the person who runs the server. They can make you an operator with npm run operator -- --email ADDRESS.',
  );
}
