/** A whole runner, written from docs/protocol.md alone: no code of `orp`, no schema, no library. */

import { on } from 'node:events';

interface Reply {
  token?: string;
  leaseId?: string;
  job?: { id: string; payload: { prompt: string } } | null;
  lease?: { action: string };
}
type Heard = { event: string; data: { code?: string } };
type Agent = (prompt: string) => Promise<string>;

export class MinimalClient {
  machineId = crypto.randomUUID();
  readonly #url: string;
  #token = '';

  constructor(url: string) {
    this.#url = url;
  }

  async signIn(email: string, password: string): Promise<void> {
    const { token } = await this.call('POST /api/auth/device-login', { email, password });
    this.#token = token ?? '';
  }

  async call(request: string, body?: object): Promise<Reply> {
    const [method = '', path = ''] = request.split(' ');
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
    const response = await fetch(this.#url + path, {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
    });
    if (!response.ok) throw new Error(`${request}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Reply;
  }

  /** Works every job until `isDone`, woken over `transport`; `agent` answers a prompt. */
  async work(transport: 'sse' | 'ws', agent: Agent, isDone: () => boolean) {
    while (!isDone()) {
      for await (const { event, data } of transport === 'sse' ? this.sse() : this.ws()) {
        if (event === 'error' && data.code === 'replaced') return;
        if (event === 'ready' || event === 'job.available') while (await this.workOne(agent));
        if (isDone()) break;
      }
    }
  }

  async workOne(agent: Agent): Promise<boolean> {
    const { machineId } = this;
    const query = new URLSearchParams({ machineId, claimId: crypto.randomUUID() });
    const { job, leaseId } = await this.call(`GET /api/cli/runner/jobs/poll?${query}`);
    if (!job) return false;
    const at = `POST /api/cli/runner/jobs/${job.id}`;
    await this.call(`${at}/start`, { machineId, leaseId });
    const beat = () => this.call('POST /api/cli/runner/heartbeat', { machineId, jobId: job.id, leaseId });
    const beats = setInterval(beat, 20_000);
    const content = await agent(job.payload.prompt).finally(() => clearInterval(beats));
    await this.call(`${at}/logs`, {
      machineId,
      leaseId,
      chunks: [{ seq: 1, stream: 'stdout', text: content }],
    });
    await this.call(`${at}/complete`, { machineId, leaseId, success: true, summary: content, content });
    return true;
  }

  async *sse(): AsyncGenerator<Heard> {
    const url = `${this.#url}/api/cli/runner/events/stream?machineId=${this.machineId}&waitSeconds=900&persistent=1`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${this.#token}` } });
    if (!response.ok || !response.body) throw new Error(`events/stream: ${response.status}`);
    let rest = '';
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const fields = new Map(frame.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
        const [event, data] = [fields.get('event'), fields.get('data')];
        if (event && data) yield { event, data: JSON.parse(data) as Heard['data'] };
      }
    }
  }

  async *ws(): AsyncGenerator<Heard> {
    const url = `${this.#url.replace('http', 'ws')}/api/cli/runner/events/ws?machineId=${this.machineId}`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${this.#token}` } });
    const pings = setInterval(() => socket.readyState === 1 && socket.send('ping'), 15_000);
    try {
      for await (const [{ data }] of on(socket, 'message', { close: ['close'] })) {
        if (data !== 'pong') yield JSON.parse(data) as Heard;
      }
    } finally {
      clearInterval(pings);
      socket.close();
    }
  }
}
