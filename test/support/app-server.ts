/** Starts the app-server of a real Codex on a unix socket, in a private `CODEX_HOME`. */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AppServer {
  path: string;
  home: string;
  /** Ends the process and resolves when it is gone. */
  end(): Promise<void>;
}

/** @param folder must have a short path, because a socket path has at most 104 bytes on macOS */
export async function startAppServer(
  bin: string,
  folder: string,
  home = join(folder, 'home'),
): Promise<AppServer> {
  mkdirSync(home, { recursive: true });
  const path = join(folder, 's', 'codex.sock');
  const child = spawn(bin, ['app-server', '--listen', `unix://${path}`], {
    // The start-up files of the person's own shell take no part.
    env: { ...process.env, HOME: home, CODEX_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own group: the program of the npm package is only a wrapper, and the server itself must be ended, too.
    detached: true,
  });
  const killAll = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  };
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk));
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  for (const endsAt = Date.now() + 30_000; !existsSync(path); await sleep(20)) {
    if (child.exitCode !== null || Date.now() > endsAt) {
      killAll();
      throw new Error(`the app-server of ${bin} does not listen: ${said}`);
    }
  }
  return {
    path,
    home,
    end: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(killAll, 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}
