/** The world of an idea. Servers return it wrapped or flat. */

import { getWorld } from '../../spec/contract/ideas.ts';
import { send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import type { Context } from '../output/context.ts';
import { facts, said } from '../output/page.ts';
import type { Line } from '../output/print.ts';
import { paint, type Rich } from '../output/text-output.ts';

/** Requests the world of an idea. */
export async function fetchWorld(context: Context, ideaId: string): Promise<JsonObject> {
  const client = await signedInClient(context);
  return worldOf(await send(client, getWorld, { params: { ideaId } }));
}

/** Returns the world in an answer, or `{}` if no world is bound. */
export function worldOf(answer: JsonObject): JsonObject {
  if (isObject(answer.world)) return answer.world;
  const { ok, world, ...rest } = answer;
  return rest;
}

const WIRE_NAMES = {
  id: 'id',
  name: 'name',
  project_root: 'projectRoot',
  github_url: 'githubUrl',
  codex_session_id: 'codexSessionId',
  status: 'status',
} as const;

/** Lines for a world. */
export function worldLines(world: JsonObject, names: readonly (keyof typeof WIRE_NAMES)[]): Line[] {
  return names.map((name) => [`world.${name}`, readString(world, WIRE_NAMES[name])]);
}

/** Returns the page for a world. `isChanged` is true if the command has just changed the world. */
export function worldPage(world: JsonObject, bound: { ideaId: string; isChanged: boolean }): Rich {
  const text = (name: string) => readString(world, name) ?? '';
  if (text('id') === '') return said('idle', `Idea ${bound.ideaId} is not bound to a repository.`);
  const name: Rich = [paint('bold', text('name')), ` · ${text('id')}`];
  return [
    bound.isChanged ? said('done', ['Bound ', name]) : said('note', name),
    facts([
      ['Idea', bound.ideaId],
      ['Repository', text('projectRoot')],
      ['GitHub', text('githubUrl')],
      ['Codex session', text('codexSessionId')],
      ['Status', text('status')],
    ]),
  ];
}
