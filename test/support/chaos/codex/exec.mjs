/** `codex exec resume`: one prompt from stdin, events on stdout. */

import { readFileSync, writeFileSync } from 'node:fs';
import { RecipeRun } from './recipe.mjs';

export async function exec(args) {
  const answerFile = args[args.indexOf('--output-last-message') + 1];
  const session = args.at(-2);
  const run = new RecipeRun(readFileSync(0, 'utf8'), session);
  const { behaviour } = run.recipe;
  let isHeard = true;
  process.stdout.on('error', () => {
    isHeard = false;
    if (behaviour !== 'goOn') process.exit(141);
  });
  if (behaviour === 'stubborn') process.on('SIGINT', () => undefined);
  const event = (fields) =>
    new Promise((done) => {
      if (isHeard) process.stdout.write(`${JSON.stringify(fields)}\n`, () => done());
      else done();
    });

  await event({ type: 'thread.started', thread_id: session });
  await event({ type: 'turn.started' });
  const status = await run.work({
    piece: (at, command, text) =>
      event({
        type: 'item.completed',
        item: {
          id: `item_${at}`,
          type: 'command_execution',
          command,
          aggregated_output: text,
          exit_code: 0,
          status: 'completed',
        },
      }),
    answer: async (text) => {
      await event({ type: 'item.completed', item: { id: 'answer', type: 'agent_message', text } });
      writeFileSync(answerFile, text);
    },
  });
  if (status === 'failed') {
    await event({ type: 'turn.failed', error: { message: `${run.run} could not do it` } });
  } else {
    const usage = { input_tokens: 1, cached_input_tokens: 0, output_tokens: 1 };
    await event({ type: 'turn.completed', usage });
  }
  run.end();
  process.exit(status === 'failed' ? 1 : 0);
}
