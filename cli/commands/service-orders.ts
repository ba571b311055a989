/** What `orp runner install|uninstall|restart` do with the service of this user. */

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliError } from '../base/exit.ts';
import { shellWord } from '../base/shell-word.ts';
import { PRIVATE_MODE, readText, writeTextFile } from '../files/json-file.ts';
import { makeFolder } from '../files/private-folder.ts';
import { isLinkable } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { advicePage, facts, said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { loadMachine, requireEnabled } from '../records/machine.ts';
import { requireAuth } from '../records/sign-in-record.ts';
import { stopAllServers } from '../runner/agent-server/own-server.ts';
import { letServiceLeave } from '../service/leave.ts';
import { type ServiceManager, serviceManager } from '../service/service-manager.ts';
import { planService, serviceLog } from '../service/service-plan.ts';
import { installWarnings } from './install-warnings.ts';

export interface WaitOptions extends CommonOptions {
  wait: number;
}

/** How long the command waits for running jobs. A job may take longer, and then the user can run the command again. */
export const WAIT_SECONDS = 120;

/** @param words the options for `orp runner work` */
export async function install(context: Context, words: string[], options: WaitOptions): Promise<void> {
  const { env } = context;
  const machine = requireEnabled(await loadMachine({ env, now: context.now() }));
  requireAuth(env);
  const { readWorkWords } = await import('./work-words.ts');
  const asked = readWorkWords(words.length > 0 ? words : ['--all-linked'], context);
  const repository = await context.repository();
  const root = isLinkable(repository) ? repository.root : undefined;
  const manager = managerOf(context);
  const state = await manager.state();
  const { plan, warnings } = planOf(context, asked.words, root);
  const content = manager.render(plan);
  const before = readText(manager.path);
  let action: 'installed' | 'updated' | 'started' | 'unchanged' = 'unchanged';
  if (before === content && state !== 'absent') {
    if (state === 'loaded') {
      action = 'started';
      await manager.start();
    }
  } else {
    action = before === undefined ? 'installed' : 'updated';
    if (state !== 'absent') {
      await leave(context, machine.machine_id, options);
      await manager.unload();
    }
    makeFolder(dirname(plan.crashLog));
    // A proxy URL may contain a password.
    writeTextFile(manager.path, content, PRIVATE_MODE);
    await manager.load();
  }
  const notes = await manager.notes();
  const document = {
    ok: true,
    action,
    manager: manager.name,
    path: manager.path,
    program: plan.program,
    log_path: serviceLog(env),
    warnings: [...warnings, ...(await installWarnings(context, { plan, options: asked.options, root }))],
    notes,
  };
  printResult(context, document, {
    lines: [
      ['service', SENTENCES[action]],
      ['service.manager', manager.name],
      ['service.path', manager.path],
      ['service.runs', `orp runner work ${asked.words.map(shellWord).join(' ')}`],
      ['service.log', document.log_path],
      ...document.warnings.map((text): Line => ['warning', text]),
      ...notes.map((text): Line => ['note', text]),
      ['next', 'orp runner status'],
    ],
    page: () => [
      said('done', `${manager.name} service: ${SENTENCES[action]}.`),
      facts([
        ['Runs', `orp runner work ${asked.words.map(shellWord).join(' ')}`],
        ['Definition', manager.path],
        ['Log', document.log_path],
      ]),
      advicePage({ warnings: document.warnings, notes, next_actions: ['orp runner status'] }),
    ],
  });
}

const SENTENCES = {
  installed: 'installed and started',
  updated: 'changed and restarted',
  started: 'already installed; started',
  unchanged: 'already installed',
} as const;

export async function uninstall(context: Context, options: WaitOptions): Promise<void> {
  const manager = managerOf(context);
  const wasInstalled = readText(manager.path) !== undefined;
  const state = wasInstalled ? await manager.state() : 'absent';
  if (state !== 'absent') {
    await leave(context, await machineIdOf(context), options);
    await manager.unload();
  }
  rmSync(manager.path, { force: true });
  if (state !== 'absent') await manager.forget();
  await stopAllServers(context.env);
  const document = {
    ok: true,
    action: wasInstalled ? 'uninstalled' : 'unchanged',
    manager: manager.name,
    path: manager.path,
    log_path: serviceLog(context.env),
  };
  printResult(context, document, {
    lines: [
      ['service', wasInstalled ? 'uninstalled' : 'was not installed'],
      ['service.path', manager.path],
      ['service.log', document.log_path],
    ],
    page: () => [
      said('done', wasInstalled ? 'The service is uninstalled.' : 'The service was not installed.'),
      facts([['Log', document.log_path]]),
    ],
  });
}

export async function restart(context: Context, options: WaitOptions): Promise<void> {
  const manager = managerOf(context);
  if (readText(manager.path) === undefined) {
    throw new CliError('The runner is not installed as a service.', {
      code: 'not_installed',
      hint: 'Run `orp runner install`. To restart a runner at a terminal, stop and start it there.',
    });
  }
  const state = await manager.state();
  const hasLeft = await leave(context, await machineIdOf(context), options);
  if (state === 'absent') await manager.load();
  // The service runs but cannot work yet, so stopping it loses nothing.
  else if (state === 'running' && !hasLeft) await manager.restart();
  else await manager.start();
  const document = {
    ok: true,
    action: state === 'running' ? 'restarted' : 'started',
    manager: manager.name,
    path: manager.path,
  };
  printResult(context, document, {
    lines: [
      ['service', document.action],
      ['service.path', manager.path],
    ],
    page: () => said('done', `Service ${document.action}.`),
  });
}

function leave(context: Context, machineId: string, { wait }: WaitOptions): Promise<boolean> {
  return letServiceLeave({
    place: { env: context.env, machineId },
    waitMs: wait * 1000,
    now: context.now,
    say: (text) => void (context.json || context.stderr.write(`${text}\n`)),
  });
}

async function machineIdOf({ env, now }: Context): Promise<string> {
  return (await loadMachine({ env, now: now() })).record.machine_id;
}

function managerOf({ env }: Context): ServiceManager {
  return serviceManager({ env, platform: process.platform, userId: process.getuid?.() ?? 0 });
}

export function planOf({ env }: Context, words: readonly string[], repoRoot: string | undefined) {
  return planService({ env, node: process.execPath, script: process.argv[1] ?? 'orp', words, repoRoot });
}
