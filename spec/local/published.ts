/** The schemas that are published as `spec/v1/<name>.schema.json`. */

import type { z } from 'zod/mini';
import { linkProjectSchema } from './link-project.ts';
import { linkSessionSchema } from './link-session.ts';
import { policySchema } from './policy.ts';
import { runnerMachineSchema } from './runner-machine.ts';
import { runnerRuntimeSchema } from './runner-runtime.ts';

/** The title of each schema, by the name of its file without the extension. */
export const PUBLISHED_SCHEMAS = {
  'link-project': linkProjectSchema,
  'link-session': linkSessionSchema,
  'runner-machine': runnerMachineSchema,
  'runner-policy': policySchema,
  'runner-runtime': runnerRuntimeSchema,
} as const satisfies Record<string, z.ZodMiniType>;
