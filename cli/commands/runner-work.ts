/** `orp runner work`: claims jobs and runs them in the linked sessions. */

import type { Command } from 'commander';
import { runWork } from '../runner/start/run-work.ts';
import type { WorkOptions } from '../runner/start/work-parts.ts';
import type { Shell } from './shell.ts';
import { addWorkCommand } from './work-options.ts';

export function registerRunnerWork(group: Command, shell: Shell): void {
  addWorkCommand(group).action((options: WorkOptions) =>
    shell.run({ ...options, pager: false }, (context) => runWork(context, options)),
  );
}
