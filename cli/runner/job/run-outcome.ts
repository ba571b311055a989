import type { FailureReading, TurnFacts } from '../../agents/agent.ts';
import type { ChildEnd } from '../process/child.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { StopReceipt } from '../process/terminate.ts';

/** The outcome of a run, as values. The caller decides what the outcome means for the job. */
export type AgentRun =
  /** `isUnavailable`: the program cannot be started, so no other job can run either. */
  | { kind: 'not_started'; message: string; isUnavailable: boolean }
  | {
      kind: 'ended';
      end: ChildEnd;
      /** The redacted answer of the agent. Undefined if there is none. */
      answer: string | undefined;
      /** The facts that the agent's events prove. */
      turn: Readonly<TurnFacts>;
      /** The session that the agent used instead of the requested session. */
      otherSession?: string | undefined;
      /** The agent's error text, redacted. */
      failure: string | undefined;
      /** The meaning of the error text. Undefined if the failure concerns only this job. */
      reading?: FailureReading | undefined;
      /** The last output, redacted. */
      stdout: string;
      stderr: string;
      stopped?: { reason: StopReason; receipt: StopReceipt } | undefined;
    };
