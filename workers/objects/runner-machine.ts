/**
 * One runner machine: its live leases, its alarm, its transcript, its channels. A shell: rules and statements live in
 * services. Every field is a cache; lost memory or a new isolate costs nothing, because all but the transcript is
 * rebuilt from D1.
 */

import { DurableObject } from 'cloudflare:workers';
import type { NewEntry } from '../../spec/contract/jobs.ts';
import { accept, type Result } from '../../spec/errors.ts';
import type { ChannelEvent } from '../../spec/transport/events.ts';
import { type Deps, makeDeps } from '../base/deps.ts';
import { isPassingFailure, isSilence } from '../base/failures.ts';
import type {
  ClaimOutcome,
  ClaimRequest,
  Fenced,
  LeaseNews,
  LeaseOf,
  MachineApi,
  MachineOf,
  SaidOfMachine,
  TranscriptPage,
} from '../base/machine-api.ts';
import { sweepMachine } from '../leases/sweep.ts';
import { DatabaseUnavailable } from '../store/database.ts';
import { abilitiesText } from '../store/machines.ts';
import { acceptChannel, closeChannel } from './accept-channel.ts';
import {
  answerClose,
  answerPings,
  closeChannelsOf,
  closeSilent,
  closeTalkative,
  listeningChannel,
  tellRunner,
  tellWatchers,
} from './channels.ts';
import { claimJob } from './claim.ts';
import { LiveLeases, StoredLeases } from './live-leases.ts';
import { type Known, noteAlive, recordListening } from './liveness.ts';
import { mayAppend, Transcript, wasPruned } from './transcript.ts';

/** An empty look at the queue is believed this long unless something wakes the machine. */
const QUIET_MS = 60_000;
/** The alarm may be this late; an alarm that is already set that close is left alone. */
const ALARM_SLACK_MS = 1000;
/** After so many failures in a row the alarm re-arms itself: the platform gives up at six. */
const ALARM_RETRY_LIMIT = 4;
const ALARM_RETRY_MS = 30_000;

/** Key of the object's storage: D1 has not been told how the machine listens. */
const PRESENCE_DUE = 'presence-due';

/** A claim that waited longer behind others is not begun: whoever asked for it is about to ask again. */
const CLAIM_LINE_MS = 3000;

/** What the WebSocket protocol calls an end without a close frame. */
const CLOSED_ABNORMALLY = 1006;

type Asked = Omit<ClaimRequest, 'userId' | 'machineId' | 'mayHold'>;

export class RunnerMachine extends DurableObject<Env> implements MachineApi {
  readonly #machine: MachineOf;
  readonly #leases: LiveLeases;
  readonly #transcript: Transcript;
  #known: Known | undefined;
  #claiming: Promise<unknown> = Promise.resolve();
  #quietUntil = 0;
  /** What the runner that saw nothing can do: one that can do more must look again. */
  #quietFor: string | null = null;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const [userId = '', machineId = ''] = (state.id.name ?? '').split('/');
    this.#machine = { userId, machineId };
    this.#leases = new LiveLeases(this.#machine, new StoredLeases(state.storage.sql));
    this.#transcript = new Transcript(state.storage.sql);
    answerPings(state);
  }

  /** Claims at most one job. One claim at a time: during D1's answers other events would interleave. */
  claim(request: Asked): Promise<ClaimOutcome> {
    const arrivedAt = Date.now();
    const turn = this.#claiming.then(() => {
      if (Date.now() - arrivedAt > CLAIM_LINE_MS)
        throw new DatabaseUnavailable('the claims before this one took too long');
      return this.#claim(request);
    });
    this.#claiming = turn.catch(() => undefined);
    return turn;
  }

  async #claim(request: Asked): Promise<ClaimOutcome> {
    const deps = this.#deps();
    const said = abilitiesText(request.abilities);
    const isQuiet = deps.now < this.#quietUntil && said === this.#quietFor;
    if (isQuiet && !request.dryRun) return { kind: 'idle', nextAt: this.#quietUntil };
    this.#quietUntil = 0;
    const wakesSeen = this.#wakes;
    const mayHold = await this.#leases.mayHold(deps);
    const outcome = await claimJob(deps, { ...request, ...this.#machine, mayHold }, () =>
      this.#nudge(),
    ).catch((error: unknown) => {
      this.#leases.doubt(deps.now);
      throw error;
    });
    if (outcome.kind === 'claimed') {
      if (outcome.replaced !== undefined) this.#leases.drop(outcome.replaced);
      this.#leases.add(outcome.job);
      await this.#armAlarm(deps);
      tellWatchers(this.ctx, outcome.job.id, { kind: 'moved' });
    }
    // A wake that came while D1 answered may be about a job this look did not see.
    if (outcome.kind === 'idle' && request.projectRoots === undefined && wakesSeen === this.#wakes) {
      this.#quietFor = said;
      this.#quietUntil = Math.min(outcome.nextAt ?? Number.POSITIVE_INFINITY, deps.now + QUIET_MS);
    }
    if (outcome.kind === 'idle' && listeningChannel(this.ctx))
      await this.#announceAt(outcome.nextAt, deps.now);
    return outcome;
  }

  #wakes = 0;

  /** Something may be claimable now. */
  wake(): void {
    this.#nudge();
  }

  #nudge(): void {
    this.#wakes += 1;
    this.#quietUntil = 0;
    this.#tell({ event: 'job.available', data: { ok: true, jobAvailable: true, reason: 'queued' } });
  }

  /** Tells the runner. A moment to see who has long been gone without a word, too. */
  #tell(event: ChannelEvent): void {
    tellRunner(this.ctx, event);
    const deps = this.#deps();
    deps.later(this.#dismissSilent(deps));
  }

  async #dismissSilent(deps: Deps): Promise<void> {
    const heardAt = closeSilent(this.ctx);
    if (heardAt !== undefined && listeningChannel(this.ctx) === undefined)
      await this.#orAgain(deps, recordListening({ ...deps, now: heardAt }, this.#machine, undefined));
  }

  /** Presence that D1 did not take in is corrected by an alarm: no other event may come for a day. */
  async #orAgain(deps: Deps, recording: Promise<void>): Promise<void> {
    await recording.catch(async (error: unknown) => {
      if (!isPassingFailure(error)) throw error;
      deps.log('presence_not_recorded', { machineId: this.#machine.machineId, message: String(error) });
      await this.#ringBy(deps.now + ALARM_RETRY_MS);
      await this.ctx.storage.put(PRESENCE_DUE, true);
    });
  }

  async #repairPresence(): Promise<void> {
    if ((await this.ctx.storage.get(PRESENCE_DUE)) === undefined) return;
    await this.checkPresence();
    await this.ctx.storage.delete(PRESENCE_DUE);
  }

  /** When to announce jobs that come due. Lost with the memory: the next alarm announces once, an empty look finds the rest. */
  readonly #looks = new Set<number>();
  #isAwakeAnew = true;

  /** Something becomes claimable at `at`: an empty look is not believed for longer, and whoever listens is told then. */
  async lookAgainAt(at: number): Promise<void> {
    this.#wakes += 1;
    this.#quietUntil = Math.min(this.#quietUntil, at);
    this.#looks.add(at);
    await this.#ringBy(at);
  }

  /** What a look has seen coming is announced, whether or not `lookAgainAt` was heard of it and is still remembered. */
  async #announceAt(at: number | undefined, now: number): Promise<void> {
    if (at === undefined || at <= now) return;
    this.#looks.add(at);
    await this.#ringBy(at);
  }

  #announceDue(now: number): void {
    const due = [...this.#looks].filter((at) => at <= now);
    for (const at of due) this.#looks.delete(at);
    if (due.length > 0 || this.#isAwakeAnew) this.#nudge();
    this.#isAwakeAnew = false;
  }

  /** A person wants the machine to claim nothing more, or to go on. */
  drain(isDraining: boolean): void {
    this.#known = undefined;
    if (isDraining) this.#tell({ event: 'drain', data: { ok: true, drain: true } });
    else this.#nudge();
  }

  /** A token counts no more. */
  closeChannelsOf(token: string): void {
    closeChannelsOf(this.ctx, token);
  }

  /** A sign of life, and the renewal of a lease. Undefined: the machine belongs to somebody else. */
  async heartbeat(beat: {
    said: SaidOfMachine;
    jobId: string | undefined;
    leaseId: string | undefined;
    isAsking: boolean;
  }): Promise<{ lease: LeaseNews | undefined; draining: boolean } | undefined> {
    const deps = this.#deps();
    const alive = await noteAlive(deps, this.#machine, { known: this.#known, said: beat.said });
    if (alive.kind === 'foreign') return undefined;
    this.#known = alive.kind === 'own' ? alive.known : undefined;
    const draining = this.#known?.draining ?? false;
    if (beat.leaseId === undefined) {
      // Every job is handed out under a lease, so a job without one is held by nobody who says this.
      return { lease: beat.jobId === undefined ? undefined : { valid: false, reason: 'unknown' }, draining };
    }
    const { jobId, leaseId, isAsking } = beat;
    const lease = await this.#leases.renew(deps, { jobId, leaseId, isAsking });
    if (lease.valid) await this.#armAlarm(deps);
    if (lease.valid && lease.movedJob !== undefined) this.moved(lease.movedJob);
    return { lease, draining };
  }

  /** A lease ended as its holder wished: its session is free. */
  forget({ jobId, leaseId }: LeaseOf): void {
    this.#leases.drop(leaseId);
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
    this.#nudge();
  }

  /** A job has moved by another hand than its machine's: whoever follows it here reads anew. */
  moved(jobId: string): void {
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
  }

  /** A person took a lease away. */
  revoke({ jobId, leaseId, reason }: LeaseOf & { reason: 'cancelled' | 'revoked' }): void {
    this.#leases.revoke(leaseId);
    const event = reason === 'cancelled' ? 'job.cancelled' : 'lease.lost';
    this.#tell({ event, data: { jobId, leaseId, reason } });
    tellWatchers(this.ctx, jobId, { kind: 'moved' });
    this.#nudge();
  }

  /** Exact deadline of every live lease; cron asks before it takes one away. */
  async deadlines(): Promise<Record<string, number>> {
    return Object.fromEntries(await this.#leases.deadlines(this.#deps()));
  }

  /** Appends to the transcript of a lease that is live, or ended as its holder knows. */
  async append(of: LeaseOf, entries: readonly NewEntry[]): Promise<Result<{ received: number }, Fenced>> {
    const deps = this.#deps();
    if (!(await this.#leases.holds(deps, of))) {
      const allowed = await mayAppend(deps, this.#machine, of).catch((error: unknown) => {
        // Output of a lease that this machine was given is not lost because D1 cannot say whether it has ended.
        if (isPassingFailure(error) && this.#leases.remembers(of)) return accept(undefined);
        throw error;
      });
      if (!allowed.ok) return allowed;
    }
    const isHeadless = () => this.#transcript.lacksHead(of.leaseId, entries);
    if (isHeadless() && (await wasPruned(deps, this.#machine, of)) && isHeadless())
      this.#transcript.resumeAt(of.leaseId, entries[0]?.seq ?? 1, deps.now);
    const { added, received } = this.#transcript.append(of.leaseId, entries, deps.now);
    if (added.length > 0)
      tellWatchers(this.ctx, of.jobId, { kind: 'entries', leaseId: of.leaseId, entries: added });
    return accept({ received });
  }

  /** The runner's word on what it stopped stands at the end of the transcript. */
  appendReceipt({ leaseId, text }: LeaseOf & { text: string }): void {
    const { now } = this.#deps();
    this.#transcript.append(
      leaseId,
      [{ at: now, type: 'message', stream: 'system', level: 'info', text }],
      now,
    );
  }

  readTranscripts(leaseIds: readonly string[], page: { afterSeq: number; limit: number }): TranscriptPage {
    return this.#transcript.readAll(leaseIds, page);
  }

  /** Forgets transcripts past their retention. */
  prune(): number {
    return this.#transcript.prune(this.#deps().now);
  }

  /** Reclaims what expired; re-arms only if leases are left. Running twice is harmless. */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const deps = this.#deps();
    try {
      const deadlines = await this.#leases.deadlines(deps);
      if ([...deadlines.values()].some((deadline) => deadline <= deps.now)) {
        for (const { jobId, leaseId } of await sweepMachine(deps, this.#machine, deadlines)) {
          this.#tell({ event: 'lease.lost', data: { jobId, leaseId, reason: 'expired' } });
          tellWatchers(this.ctx, jobId, { kind: 'moved' });
        }
        await this.#leases.settle(deps);
      }
      this.#announceDue(deps.now);
      await this.#repairPresence();
      await this.#armAlarm(deps);
    } catch (error) {
      if (isSilence(error)) return this.#waitForDatabase(deps);
      if ((info?.retryCount ?? 0) < ALARM_RETRY_LIMIT) throw error;
      deps.log('alarm_failed', { machineId: this.#machine.machineId, message: String(error) });
      await this.ctx.storage.setAlarm(deps.now + ALARM_RETRY_MS);
    }
  }

  /** Nothing can be taken away or found while D1 is silent. The alarm rings again; the platform's retries would only pile up. */
  async #waitForDatabase(deps: Deps): Promise<void> {
    this.#leases.spare(deps.now);
    deps.log('alarm_postponed', { machineId: this.#machine.machineId });
    await this.ctx.storage.setAlarm(deps.now + ALARM_RETRY_MS);
  }

  /** One alarm for all leases and looks, at the earliest. */
  async #armAlarm(deps: Deps): Promise<void> {
    const deadline = await this.#leases.earliestDeadline(deps);
    let earliest = deadline ?? Number.POSITIVE_INFINITY;
    // The sweep has just failed to end it; at once would be again and again.
    if (earliest <= deps.now) earliest = deps.now + ALARM_RETRY_MS;
    for (const at of this.#looks) earliest = Math.min(earliest, at);
    if (Number.isFinite(earliest)) await this.#ringBy(earliest);
  }

  /** Moves the alarm only when it must ring earlier: each move is a row. */
  async #ringBy(at: number): Promise<void> {
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > at + ALARM_SLACK_MS) await this.ctx.storage.setAlarm(at);
  }

  /** Corrects what is recorded of a channel whose end nobody told. */
  async checkPresence(): Promise<void> {
    const deps = this.#deps();
    await this.#dismissSilent(deps);
    await recordListening(deps, this.#machine, listeningChannel(this.ctx));
  }

  /** The one thing that is not a method call: a channel's upgrade. */
  override fetch(request: Request): Promise<Response> {
    const deps = this.#deps();
    const onWork = () => this.#nudge();
    const onDue = (at: number) => this.#announceAt(at, deps.now);
    return acceptChannel({ state: this.ctx, machine: this.#machine, deps, onWork, onDue }, request);
  }

  override webSocketMessage(socket: WebSocket): void {
    closeTalkative(socket);
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    answerClose(socket);
    const deps = this.#deps();
    await this.#orAgain(
      deps,
      closeChannel({ state: this.ctx, machine: this.#machine, deps }, { socket, code }),
    );
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.webSocketClose(socket, CLOSED_ABNORMALLY);
  }

  #deps(): Deps {
    return makeDeps({ env: this.env, waitUntil: (work) => this.ctx.waitUntil(work) });
  }
}
