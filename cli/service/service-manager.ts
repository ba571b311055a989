/** The system that runs the service: launchd on macOS, systemd on Linux. Asks their programs, nothing else. */

import { execFile } from 'node:child_process';
import { CliError } from '../base/exit.ts';
import { firstLineOf } from '../base/one-line.ts';
import { pause } from '../base/pause.ts';
import { toolPath } from '../base/search-path.ts';
import { renderLaunchAgent } from './launch-agent.ts';
import { SERVICE_LABEL, SERVICE_UNIT, servicePath } from './service-place.ts';
import type { ServicePlan } from './service-plan.ts';
import { renderUnit } from './systemd-unit.ts';

/** `loaded`: the system knows it, and it does not run. */
export type ServiceState = 'absent' | 'loaded' | 'running';

export interface ServiceManager {
  name: 'launchd' | 'systemd';
  /** Where the definition stands. */
  path: string;
  render(plan: ServicePlan): string;
  /** Fails with what is missing when the system cannot be asked. */
  state(): Promise<ServiceState>;
  /** Makes a new definition known, and starts it. */
  load(): Promise<void>;
  /** Ends it and forgets it. */
  unload(): Promise<void>;
  /** After its definition is gone: nothing of it stays with the system. */
  forget(): Promise<void>;
  /** Starts it when it does not run. */
  start(): Promise<void>;
  /** Ends it and starts it anew. */
  restart(): Promise<void>;
  /** What people should know about this system; told after an installation. */
  notes(): Promise<string[]>;
}

export interface ManagerSource {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  userId: number;
  /** Between two looks at what the system takes its time for; tests shorten it. */
  lookMs?: number;
}

const LOOK_MS = 500;
/** Longer than a runner that was asked to leave is given by launchd. */
const FORGET_LOOKS = 200;
const BOOTSTRAP_TRIES = 6;

/** The manager of this system. */
export function serviceManager(source: ManagerSource): ServiceManager {
  const path = servicePath(source.env, source.platform);
  if (path === undefined) {
    throw new CliError(`There is no service for ${source.platform}.`, {
      code: 'no_service_manager',
      hint: 'Start `orp runner work` with what your system has for programs that run all the time.',
    });
  }
  return source.platform === 'darwin' ? launchd(source, path) : systemd(source, path);
}

function launchd({ env, userId, lookMs = LOOK_MS }: ManagerSource, path: string): ServiceManager {
  const domain = `gui/${userId}`;
  const target = `${domain}/${SERVICE_LABEL}`;
  const run = (...words: string[]) => runTool(env, 'launchctl', words);
  const must = async (...words: string[]) => requireOk('launchctl', words, await run(...words));
  const state = async (): Promise<ServiceState> => {
    const answer = await run('print', target);
    if (answer.kind === 'missing') throw missingTool('launchctl', 'It is part of macOS; look at the PATH.');
    if (answer.code !== 0) return 'absent';
    return /^\s*state = running$/m.test(answer.output) ? 'running' : 'loaded';
  };
  return {
    name: 'launchd',
    path,
    render: renderLaunchAgent,
    state,
    async load() {
      // A service that was disabled once stays so, silently, until it is enabled.
      await must('enable', target);
      for (let tries = 1; tries < BOOTSTRAP_TRIES; tries += 1) {
        // Soon after a bootout it fails with an input/output error, and a moment later it does not.
        const answer = await run('bootstrap', domain, path);
        if (answer.kind === 'ran' && answer.code === 0) return;
        await pause(lookMs);
      }
      await must('bootstrap', domain, path);
    },
    async unload() {
      if ((await state()) === 'absent') return;
      await must('bootout', target);
      // It returns before the service is gone.
      for (let looks = 0; looks < FORGET_LOOKS && (await state()) !== 'absent'; looks += 1) {
        await pause(lookMs);
      }
    },
    forget: async () => undefined,
    start: () => must('kickstart', target),
    restart: () => must('kickstart', '-k', target),
    notes: async () => [],
  };
}

function systemd({ env }: ManagerSource, path: string): ServiceManager {
  const run = (...words: string[]) => runTool(env, 'systemctl', ['--user', ...words]);
  const must = async (...words: string[]) => requireOk('systemctl --user', words, await run(...words));
  return {
    name: 'systemd',
    path,
    render: renderUnit,
    async state() {
      const answer = await run('show', '--property=LoadState,ActiveState', SERVICE_UNIT);
      if (answer.kind === 'missing') throw missingTool('systemctl', NO_SYSTEMD);
      if (answer.code !== 0) throw noBus(answer.output);
      if (!answer.output.includes('LoadState=loaded')) return 'absent';
      return /ActiveState=(active|activating|reloading)/.test(answer.output) ? 'running' : 'loaded';
    },
    async load() {
      await must('daemon-reload');
      await must('enable', '--now', SERVICE_UNIT);
    },
    async unload() {
      await must('disable', '--now', SERVICE_UNIT);
    },
    forget: () => must('daemon-reload'),
    async start() {
      // What an earlier unit counted does not hold for a person.
      await run('reset-failed', SERVICE_UNIT);
      await must('start', SERVICE_UNIT);
    },
    restart: () => must('restart', SERVICE_UNIT),
    async notes() {
      const answer = await runTool(env, 'loginctl', [
        'show-user',
        '--property=Linger',
        '--value',
        env.USER ?? '',
      ]);
      if (answer.kind === 'missing' || answer.output.trim() !== 'no') return [];
      return [
        'It runs while you are logged in to this computer; after `loginctl enable-linger` also before and after that.',
      ];
    },
  };
}

const NO_SYSTEMD =
  'This Linux has no systemd. Start `orp runner work` with what it has for programs that run all the time.';

function noBus(output: string): CliError {
  return new CliError(`systemd does not answer for this user: ${firstLineOf(output)}.`, {
    code: 'no_user_bus',
    hint:
      'It needs a session of this user: sign in there directly (not with su or sudo), or run `loginctl enable-linger` and ' +
      'set XDG_RUNTIME_DIR=/run/user/$(id -u). In a container, start `orp runner work` itself instead.',
  });
}

type ToolAnswer = { kind: 'missing' } | { kind: 'ran'; code: number; output: string };

/** A manager that hangs must not hang `orp`; stopping a service may take as long as its runner is given. */
const TOOL_TIMEOUT_MS = 120_000;

function runTool(env: NodeJS.ProcessEnv, tool: string, words: readonly string[]): Promise<ToolAnswer> {
  return new Promise((settle) => {
    const options = {
      env: { ...env, PATH: toolPath(env), LC_ALL: 'C' },
      timeout: TOOL_TIMEOUT_MS,
      encoding: 'utf8',
    } as const;
    execFile(tool, [...words], options, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') return settle({ kind: 'missing' });
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      settle({
        kind: 'ran',
        code,
        output: code === 0 ? stdout : stderr.trim() || stdout.trim() || error?.message || '',
      });
    });
  });
}

function requireOk(tool: string, words: readonly string[], answer: ToolAnswer): void {
  if (answer.kind === 'missing') throw missingTool(tool, 'Look at the PATH.');
  if (answer.code === 0) return;
  if (/connect to bus|connect to user scope bus/i.test(answer.output)) throw noBus(answer.output);
  throw new CliError(`\`${tool} ${words.join(' ')}\` failed: ${firstLineOf(answer.output)}.`, {
    code: 'service_manager_failed',
    hint: 'Run it yourself to see more; `orp runner install` may be repeated at any time.',
  });
}

function missingTool(tool: string, hint: string): CliError {
  return new CliError(`${tool} was not found.`, { code: 'no_service_manager', hint });
}
