/** The hosted side in a process of its own: killed without warning, started again where it was, its clock pushed ahead. */

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

  /** What its clock shows. */
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
    // Its own process group, so that a kill takes workerd along, as the loss of a machine would.
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

  /** As the loss of its machine. */
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

  /** Time passes on the hosted side: alarms that became due ring, and cron fires. A service that is down learns of it later. */
  async advance(ms: number): Promise<void> {
    this.#aheadMs += ms;
    await this.#tell(`/chaos/jump?ahead=${this.#aheadMs}`);
    await this.fireCron();
  }

  async fireCron(): Promise<void> {
    await this.#tell('/cdn-cgi/local/scheduled');
  }

  /** How D1 behaves from now on. A service that is started anew has one that answers. */
  async setDatabase(mood: 'answering' | 'silent' | 'overloaded'): Promise<void> {
    await this.#tell(`/chaos/database?mood=${mood}`);
  }

  async #tell(path: string): Promise<void> {
    if (this.#child === undefined) return;
    await fetch(this.url + path).then(
      (answer) => answer.arrayBuffer(),
      // It is down, or was killed meanwhile: its next start knows the time, and the next cron does the rest.
      () => undefined,
    );
  }
}
