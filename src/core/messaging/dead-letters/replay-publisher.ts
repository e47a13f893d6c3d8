import type { Destination, PublishOutcome, WireMessage } from '../ports/transport.js';

/** Longest time that one replayed message may take until its outcome is known. */
export const REPLAY_DEADLINE_MS = 10_000;

/** Sends a dead letter's message back to the group that gave it up. */
export interface ReplayPublisher {
  /**
   * Publishes on the named transport, or, when there is no such transport any more, on the one that the topic is routed
   * to now. Resolves within {@link REPLAY_DEADLINE_MS} and never rejects; what is not known by then is `unknown`.
   *
   * @returns the outcome and the name of the transport that was tried in the end.
   */
  publish(transport: string, to: Destination, message: WireMessage): Promise<ReplayPublication>;
}

export interface ReplayPublication {
  readonly transport: string;
  readonly outcome: PublishOutcome;
}
