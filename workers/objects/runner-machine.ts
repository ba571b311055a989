/**
 * The Durable Object of one runner machine, with its live leases, alarm, transcript and channels. The rules are in the other
 * files of this folder. Every field is a cache, so lost memory causes no harm: everything except the transcript is read again
 * from D1.
 */

import { DurableObject } from 'cloudflare:workers';
import type { NewEntry } from '../../spec/contract/jobs.ts';
import type { Result } from '../../spec/errors.ts';
import { type Deps, makeDeps } from '../base/deps.ts';
import type * as api from '../base/machine-api.ts';
import { acceptChannel } from './accept-channel.ts';
import { Presence } from './announcements.ts';
import { type Application, ChannelCalls } from './channel/calls.ts';
import { answerPings, closeChannelsOf, closeOwnChannels, tellWatchers } from './channel/channels.ts';
import { type Asked, ClaimLine } from './claim-line.ts';
import { Heartbeats } from './heartbeats.ts';
import { KeptLeases, StoredLeases } from './kept-leases.ts';
import { LiveLeases } from './live-leases.ts';
import { MachineAlarm } from './machine-alarm.ts';
import { onAlarm } from './on-alarm.ts';
import { ClaimGate } from './quiet-queue.ts';
import { appendUnderLease, Transcript } from './transcript.ts';

export class RunnerMachine extends DurableObject<Env> implements api.MachineApi {
  /** The application that answers calls over channels. Set by the module that exports this class. */
  static application: Application = async () => new Response(null, { status: 503 });

  readonly #parts;
  readonly #memo: KeptLeases;
  readonly #claims: ClaimLine;
  readonly #heartbeats: Heartbeats;
  readonly #calls: ChannelCalls;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const [userId = '', machineId = ''] = (state.id.name ?? '').split('/');
    const machine: api.MachineOf = { userId, machineId };
    const transcript = new Transcript(state.storage.sql);
    const memo = new KeptLeases(state, new StoredLeases(state.storage.sql, transcript));
    this.#memo = memo;
    const leases = new LiveLeases(machine, memo);
    const gate = new ClaimGate();
    const alarm = new MachineAlarm({
      ...{ storage: state.storage, leases, gate },
      hasChannel: () => memo.isFree,
    });
    const deps = () => this.#deps();
    const presence = new Presence({
      ...{ state, machine, gate, alarm, deps },
      onWake: () => this.#claims.lookAhead(),
    });
    this.#parts = { state, machine, leases, transcript, gate, alarm, presence };
    this.#claims = new ClaimLine({ ...this.#parts, deps });
    this.#heartbeats = new Heartbeats(this.#parts);
    this.#calls = new ChannelCalls({ state, machine, env, self: this });
    answerPings(state);
  }

  /** Claims at most one job. */
  claim(request: Asked): Promise<api.ClaimOutcome> {
    return this.#claims.claim(request);
  }

  wake(): void {
    this.#parts.presence.wake();
  }

  async lookAgainAt(at: number): Promise<void> {
    await this.#parts.alarm.wakeAt(at);
  }

  /** Handles a drain, or the end of a drain, that a person has ordered. */
  drain(isDraining: boolean): void {
    const { presence, gate } = this.#parts;
    this.#heartbeats.forget();
    // The next poll must read whether the machine is drained.
    gate.wake();
    if (isDraining) presence.tell({ event: 'drain', data: { ok: true, drain: true } });
    else presence.wake();
  }

  closeChannelsOf(token: string): void {
    closeChannelsOf(this.ctx, token);
  }

  closeOwnChannels(): void {
    closeOwnChannels(this.ctx);
  }

  async heartbeat(beat: api.MachineBeat): Promise<api.BeatAnswer | undefined> {
    const answer = await this.#heartbeats.accept(this.#deps(), beat);
    if (answer?.lease?.valid && answer.lease.movedJob !== undefined)
      tellWatchers(this.ctx, answer.lease.movedJob, { kind: 'moved' });
    return answer;
  }

  /** Drops a lease that its holder has ended. The session is free now. */
  forget({ jobId, leaseId }: api.LeaseOf): void {
    const { leases, presence } = this.#parts;
    leases.drop(leaseId);
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
    presence.wake();
  }

  /** Notifies the followers of a job that has changed. They read it again. */
  moved(jobId: string): void {
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
  }

  /** Drops a lease that a person has revoked. */
  revoke({ jobId, leaseId, reason }: Parameters<api.MachineApi['revoke']>[0]): void {
    this.#parts.leases.revoke({ jobId, leaseId });
    const event = reason === 'cancelled' ? 'job.cancelled' : 'lease.lost';
    this.#parts.presence.tell({ event, data: { jobId, leaseId, reason } });
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
    this.#parts.presence.wake();
  }

  /** Returns the exact deadline of every live lease. The cron trigger asks for it before it reclaims a lease. */
  async deadlines(): Promise<Record<string, number>> {
    return Object.fromEntries(await this.#parts.leases.deadlines(this.#deps()));
  }

  append(of: api.LeaseOf, entries: readonly NewEntry[]): Promise<Result<{ received: number }, api.Fenced>> {
    return appendUnderLease(this.#deps(), this.#parts, { of, entries });
  }

  appendReceipt({ leaseId, text }: api.LeaseOf & { text: string }): void {
    this.#parts.transcript.appendReceipt(leaseId, text, this.#deps().now);
  }

  readTranscripts(
    leaseIds: readonly string[],
    page: { afterSeq: number; limit: number },
  ): api.TranscriptPage {
    return this.#parts.transcript.readAll(leaseIds, page);
  }

  /** Deletes transcripts past their retention. */
  prune(): number {
    return this.#parts.transcript.prune(this.#deps().now);
  }

  checkPresence(): Promise<void> {
    return this.#parts.presence.check();
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    return onAlarm(this.#parts, this.#deps(), info?.retryCount ?? 0);
  }

  /** Opens a channel. This is the only request that is not a method call. */
  override fetch(request: Request): Promise<Response> {
    return acceptChannel({ ...this.#parts, deps: this.#deps(), onWork: () => this.wake() }, request);
  }

  /** Handles a call that the runner sends over its channel. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    return this.#calls.hear(socket, message, RunnerMachine.application);
  }

  override webSocketClose(socket: WebSocket, code: number): Promise<void> {
    return this.#parts.presence.closed(socket, { code, hadLeases: this.#memo.save(socket) });
  }

  override webSocketError(socket: WebSocket): Promise<void> {
    return this.#parts.presence.closed(socket, { hadLeases: this.#memo.save(socket) });
  }

  #deps(): Deps {
    return makeDeps({ env: this.env, waitUntil: (work) => this.ctx.waitUntil(work) });
  }
}
