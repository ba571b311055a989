/** Controls the service through the tools of launchd (macOS) or systemd (Linux). */

import { execFile } from 'node:child_process';
import { CliError } from '../base/exit.ts';
import { firstLineOf } from '../base/one-line.ts';
import { pause } from '../base/pause.ts';
import { toolPath } from '../base/search-path.ts';
import { renderLaunchAgent } from './launch-agent.ts';
import { SERVICE_LABEL, SERVICE_UNIT, servicePath } from './service-place.ts';
import type { ServicePlan } from './service-plan.ts';
import { renderUnit } from './systemd-unit.ts';

/** `loaded`: the system knows the service, but it is not running. */
export type ServiceState = 'absent' | 'loaded' | 'running';

export interface ServiceManager {
  name: 'launchd' | 'systemd';
  /** Path of the definition. */
  path: string;
  render(plan: ServicePlan): string;
  /** Returns the state of the service. Throws if the service manager does not answer. */
  state(): Promise<ServiceState>;
  /** Loads a new definition and starts the service. */
  load(): Promise<void>;
  /** Stops and unloads the service. */
  unload(): Promise<void>;
  /** Call this after removing the definition, so that the system forgets the service. */
  forget(): Promise<void>;
  /** Starts the service if it is not running. */
  start(): Promise<void>;
  /** Restarts the service. */
  restart(): Promise<void>;
  /** Notes about this system, shown after an installation. */
  notes(): Promise<string[]>;
}

export interface ManagerSource {
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  userId: number;
  /** Pause between checks of a slow operation. Tests shorten it. */
  lookMs?: number;
}

const LOOK_MS = 500;
/** Longer than the time that launchd gives a runner to stop. */
const FORGET_LOOKS = 200;
const BOOTSTRAP_TRIES = 6;

/** The manager of this system. */
export function serviceManager(source: ManagerSource): ServiceManager {
  const path = servicePath(source.env, source.platform);
  if (path === undefined) {
    throw new CliError(`orp has no service for ${source.platform}.`, {
      code: 'no_service_manager',
      hint: 'Start `orp runner work` with the process supervisor of your system.',
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
    if (answer.kind === 'missing') throw missingTool('launchctl', 'It is part of macOS. Check the PATH.');
    if (answer.code !== 0) return 'absent';
    return /^\s*state = running$/m.test(answer.output) ? 'running' : 'loaded';
  };
  return {
    name: 'launchd',
    path,
    render: renderLaunchAgent,
    state,
    async load() {
      // A disabled service silently stays disabled until it is enabled.
      await must('enable', target);
      for (let tries = 1; tries < BOOTSTRAP_TRIES; tries += 1) {
        // Shortly after a bootout, bootstrap fails with an input/output error. A retry succeeds.
        const answer = await run('bootstrap', domain, path);
        if (answer.kind === 'ran' && answer.code === 0) return;
        await pause(lookMs);
      }
      await must('bootstrap', domain, path);
    },
    async unload() {
      if ((await state()) === 'absent') return;
      await must('bootout', target);
      // bootout returns before the service has stopped.
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
      // Reset the failure counter, because a person starts the service.
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
        'The service runs only while you are logged in. To keep it running after logout, run `loginctl enable-linger`.',
      ];
    },
  };
}

const NO_SYSTEMD = 'This system has no systemd. Start `orp runner work` with its process supervisor.';

function noBus(output: string): CliError {
  return new CliError(`systemd does not respond for this user: ${firstLineOf(output)}.`, {
    code: 'no_user_bus',
    hint:
      'systemd needs a session of this user: log in directly (not with su or sudo), or run `loginctl enable-linger` and ' +
      'set XDG_RUNTIME_DIR=/run/user/$(id -u). In a container, start `orp runner work` itself instead.',
  });
}

type ToolAnswer = { kind: 'missing' } | { kind: 'ran'; code: number; output: string };

/** A hanging tool must not hang `orp`. Stopping a service may take as long as its runner is given. */
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
  if (answer.kind === 'missing') throw missingTool(tool, 'Check the PATH.');
  if (answer.code === 0) return;
  if (/connect to bus|connect to user scope bus/i.test(answer.output)) throw noBus(answer.output);
  throw new CliError(`\`${tool} ${words.join(' ')}\` failed: ${firstLineOf(answer.output)}.`, {
    code: 'service_manager_failed',
    hint: 'For details, run the failed command yourself. You can repeat `orp runner install` at any time.',
  });
}

function missingTool(tool: string, hint: string): CliError {
  return new CliError(`${tool} was not found.`, { code: 'no_service_manager', hint });
}
