import type { FailureReading, TurnFacts } from '../../agents/agent.ts';
import type { ChildEnd } from '../process/child.ts';
import type { StopReason } from '../process/stop-switch.ts';
import type { StopReceipt } from '../process/terminate.ts';

/** How it went, as values; deciding what that means is up to the caller. */
export type AgentRun =
  /** `isUnavailable`: the program cannot be started, so no job can run. */
  | { kind: 'not_started'; message: string; isUnavailable: boolean }
  | {
      kind: 'ended';
      end: ChildEnd;
      /** The agent's own answer, redacted; undefined when it gave none. */
      answer: string | undefined;
      /** What the agent's own events prove. */
      turn: Readonly<TurnFacts>;
      /** The session in which it was at work instead of the one that was asked for. */
      otherSession?: string | undefined;
      /** What the agent says about its failure, redacted. */
      failure: string | undefined;
      /** What that means; undefined: the failure is the job's own. */
      reading?: FailureReading | undefined;
      /** The last output, redacted. */
      stdout: string;
      stderr: string;
      stopped?: { reason: StopReason; receipt: StopReceipt } | undefined;
    };
