/** The server in its own process. The test kills it, starts it again at the same address, and advances its clock. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../../../scripts/local/project-path.ts';
import type { ServiceNews, ServiceSettings } from './service-process.ts';

export class ChaosService {
  readonly person = { email: 'chaos@orp.test', password: 'a long chaos password' };
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #port = 0;
  #aheadMs = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The current time of the server's clock. */
  get now(): number {
    return Date.now() + this.#aheadMs;
  }

  async start(): Promise<void> {
    const isFirst = this.#port === 0;
    const settings: ServiceSettings = {
      port: this.#port,
      persistTo: join(this.#folder, 'hosted'),
      aheadMs: this.#aheadMs,
      ...(isFirst ? { person: this.person } : {}),
    };
    const log = openSync(join(this.#folder, 'service.log'), 'a');
    const words = [projectPath('test/support/chaos/service-process.ts'), JSON.stringify(settings)];
    // Use a new process group, so that a kill also ends workerd, as if the machine were lost.
    const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
    closeSync(log);
    this.#child = child;
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the service ended with ${String(code ?? signal)} before it listened`);
    });
    const [news] = (await Promise.race([once(child, 'message'), ended])) as [ServiceNews];
    ended.catch(() => undefined);
    this.#port = Number(new URL(news.url).port);
  }

  /** Kills the server as if its machine were lost. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    await ended;
  }

  /**
   * Advances the server's clock: due alarms ring, and cron fires. A server that is down gets the new time at its next start.
   */
  async advance(ms: number): Promise<void> {
    this.#aheadMs += ms;
    await this.#tell(`/chaos/jump?ahead=${this.#aheadMs}`);
    await this.fireCron();
  }

  async fireCron(): Promise<void> {
    await this.#tell('/cdn-cgi/local/scheduled');
  }

  /** Sets how D1 behaves from now on. After a restart, D1 answers again. */
  async setDatabase(mood: 'answering' | 'silent' | 'overloaded'): Promise<void> {
    await this.#tell(`/chaos/database?mood=${mood}`);
  }

  async #tell(path: string): Promise<void> {
    if (this.#child === undefined) return;
    await fetch(this.url + path).then(
      (answer) => answer.arrayBuffer(),
      // The server is down or was killed meanwhile. Its next start gets the time, and the next cron run does the rest.
      () => undefined,
    );
  }
}
