/** A whole runner, written from docs/protocol.md and nothing else: no code of `orp`, no schema, no library. */

import { on } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

type Job = { id: string; payload: { prompt: string } };
type Reply = { token?: string; job?: Job | null; leaseId?: string; lease?: { action: string } };
type Heard = { event: string; data: { code?: string; reason?: string } };
type Agent = (prompt: string, stop: AbortSignal) => Promise<string>;

export class MinimalClient {
  readonly machineId: string = crypto.randomUUID();
  #url = '';
  readonly #headers = { 'content-type': 'application/json', authorization: '' };
  #beat: () => Promise<void> = async () => undefined;

  async signIn(url: string, email: string, password: string): Promise<void> {
    this.#url = url;
    const { token } = await this.call('POST', '/api/auth/device-login', { email, password });
    this.#headers.authorization = `Bearer ${token}`;
  }

  /** Sends the same request until it is answered; a refusal is thrown. */
  async call(method: string, path: string, body?: object): Promise<Reply> {
    const init = { method, headers: this.#headers, body: body ? JSON.stringify(body) : null };
    for (let limit = 500; ; limit = Math.min(limit * 2, 60_000)) {
      const response = await fetch(this.#url + path, init).catch(() => undefined);
      if (response?.ok) return (await response.json()) as Reply;
      if (response && response.status < 500) throw new Error(`${path}: ${await response.text()}`);
      await sleep(limit * Math.random());
    }
  }

  /** Works jobs until `end`, or until another instance takes over. */
  async work(transport: 'sse' | 'ws', agent: Agent, end: AbortSignal): Promise<void> {
    let looks = Promise.resolve();
    for (let limit = 5000; !end.aborted; limit = Math.min(limit * 2, 60_000)) {
      const silence = new AbortController();
      const dead = setTimeout(() => silence.abort(), 37_500).unref();
      const signal = AbortSignal.any([end, silence.signal]);
      try {
        for await (const { event, data } of this[transport](signal)) {
          dead.refresh();
          limit = event === 'timeout' && data.reason === 'timeout' ? 0 : 2500;
          // A refusal (the lease went while the agent worked) ends one round, not the runner.
          const look = () => this.#drain(agent, end).catch(() => undefined);
          if (/ready|available/.test(event)) looks = looks.then(look);
          if (/cancelled|lost/.test(event)) void this.#beat();
          if (event === 'error' && data.code === 'replaced') return await looks;
        }
      } catch {} // The link broke; after a random pause the next one is opened.
      await sleep(limit * Math.random(), undefined, { signal: end }).catch(() => undefined);
    }
    await looks;
  }

  async #drain(agent: Agent, end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      const claim = new URLSearchParams({ machineId: this.machineId, claimId: crypto.randomUUID() });
      const { job, leaseId } = await this.call('GET', `/api/cli/runner/jobs/poll?${claim}`);
      if (!job) return;
      const held = { machineId: this.machineId, leaseId, jobId: job.id };
      const stop = new AbortController();
      this.#beat = async () => {
        const { lease } = await this.call('POST', '/api/cli/runner/heartbeat', held);
        if (lease?.action === 'stop') stop.abort();
      };
      await this.call('POST', `/api/cli/runner/jobs/${job.id}/start`, held);
      const beats = setInterval(this.#beat, 20_000);
      const content = await agent(job.payload.prompt, stop.signal).finally(() => clearInterval(beats));
      const result = { ...held, success: true, summary: content, content };
      if (!stop.signal.aborted) await this.call('POST', `/api/cli/runner/jobs/${job.id}/complete`, result);
    }
  }

  async *sse(signal: AbortSignal): AsyncGenerator<Heard> {
    const url = `${this.#url}/api/cli/runner/events/stream?machineId=${this.machineId}&waitSeconds=900&persistent=1`;
    const { body } = await fetch(url, { headers: this.#headers, signal });
    let rest = '';
    for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const [, event = 'comment', data = '{}'] = /^event: (.+)\nid: .+\ndata: (.+)$/m.exec(frame) ?? [];
        yield { event, data: JSON.parse(data) };
      }
    }
  }

  async *ws(signal: AbortSignal): AsyncGenerator<Heard> {
    const url = `${this.#url.replace('http', 'ws')}/api/cli/runner/events/ws?machineId=${this.machineId}`;
    const socket = new WebSocket(url, { headers: this.#headers });
    const pings = setInterval(() => socket.readyState === 1 && socket.send('ping'), 15_000);
    socket.addEventListener('close', () => clearInterval(pings));
    signal.addEventListener('abort', () => socket.close());
    for await (const [{ data }] of on(socket, 'message', { close: ['close'], signal }))
      yield data === 'pong' ? { event: 'pong', data: {} } : JSON.parse(data);
  }
}
