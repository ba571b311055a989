/** A world for a person: the repository that an idea is bound to. */

import { readString } from '../files/fields.ts';
import type { JsonObject } from '../files/json-file.ts';
import { facts, said } from '../output/page.ts';
import { paint, type Rich } from '../output/text-output.ts';

/** Shows it; `isChanged`: it has just been bound anew. */
export function worldPage(world: JsonObject, bound: { ideaId: string; isChanged: boolean }): Rich {
  const text = (name: string) => readString(world, name) ?? '';
  if (text('id') === '') return said('idle', `Idea ${bound.ideaId} is bound to no repository.`);
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
