/** The facts about the repository of a command. */

import type { Context } from '../output/context.ts';
import { gatherFacts, type LinkFacts } from '../status/link-facts.ts';

export async function gatherHere(context: Context): Promise<LinkFacts> {
  return gatherFacts({
    repository: await context.repository(),
    configPath: context.configPath,
    env: context.env,
    now: context.now(),
    // Loaded only when needed.
    fetchWorld: async (ideaId) => (await import('../hosted/world.ts')).fetchWorld(context, ideaId),
  });
}
