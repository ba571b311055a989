/** What hono carries through a request. */

import type { Deps } from './deps.ts';
import type { SignedIn } from './services/authenticate.ts';

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
    /** When it arrived, by the real clock. */
    startedAt: number;
    /** Absent: no token, or one that is not valid. */
    auth: SignedIn | undefined;
    /** What the request names, for the log: ids, never contents. */
    about: AboutRequest | undefined;
  };
}
