/** What hono carries through a request. */

import type { Deps } from './deps.ts';
import type { SignedIn } from './services/sign-in.ts';

/** Ids of a request, as far as it has them. */
export interface AboutRequest {
  jobId?: string | undefined;
  machineId?: string | undefined;
  leaseId?: string | undefined;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    deps: Deps;
    requestId: string;
    /** Absent: no token, or one that does not count. */
    auth: SignedIn | undefined;
    /** What the request names, for the log: ids, never contents. */
    about: AboutRequest | undefined;
  };
}
