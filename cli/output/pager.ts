/** Shows long pages with the pager of the person, as git does. Only on a terminal. */

import { bare, type Pager, type Rich, type TextOutput } from './text-output.ts';

/** `-F`: ends by itself if all fits. `-R`: shows colors. `-X`: leaves the text on the screen. */
const LESS = 'less -FRX';

/** Prints a page, with a pager if it is longer than the terminal. Waits until the person closes the pager. */
export function printPaged(stdout: TextOutput, page: Rich): void {
  const { pager } = stdout;
  if (pager !== undefined && isLonger(bare(page), stdout) && show(pager, stdout.render(page))) return;
  stdout.print(page);
}

/** The pager of the person. Undefined if pages are printed without one. */
export function pagerOf(env: NodeJS.ProcessEnv): Pager | undefined {
  const program = (env.ORP_PAGER ?? env.PAGER ?? LESS).trim();
  if (env.TERM === 'dumb' || program === '' || program === 'cat') return undefined;
  return { program, env: { LESS: 'FRX', LV: '-c', ...env } };
}

/**
 * One line is reserved for the prompt of the shell. The length of a line is used in place of its width. If this starts `less` for a page
 * that fits, `less` ends by itself.
 */
function isLonger(text: string, { rows, columns }: TextOutput): boolean {
  if (rows === undefined) return false;
  let lines = 1;
  for (const line of text.split('\n')) {
    lines += Math.max(1, Math.ceil(line.length / columns));
    if (lines > rows + 1) return true;
  }
  return false;
}

/** Returns false if the pager does not exist. */
function show({ program, env }: Pager, text: string): boolean {
  // Loaded only when a page is long, because most commands start no program.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  // The pager also receives Ctrl-C and decides what to do.
  const listeners = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  try {
    const { status } = spawnSync('/bin/sh', ['-c', program], {
      env,
      input: text,
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    return status !== NOT_FOUND && status !== NOT_EXECUTABLE;
  } finally {
    process.off('SIGINT', ignore);
    for (const listener of listeners) process.on('SIGINT', listener);
  }
}

/** The shell reports that the pager does not exist. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
