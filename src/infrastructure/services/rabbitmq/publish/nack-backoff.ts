const RENEW_MIN_MS = 200;
const RENEW_MAX_MS = 30_000;

/**
 * Says when to go on with another channel because the broker refuses what comes on this one.
 *
 * A channel learns once where a quorum queue is led. One that does so just after the leader's node has died refuses every
 * message to that queue for as long as the node is down, although the queue has a new leader long since (RabbitMQ 3.10,
 * `rabbit_fifo_client:enqueue/3`: `{badrpc, nodedown} -> {reject_publish, State0}`). A queue at its limit refuses on every
 * channel, so the pauses between tries grow.
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/9241 (3.11 and 3.12, in 2023) makes new channels ask for the leader; no test here has shown that it
 * suffices, so this runs against every release.
 */
export class NackBackoff {
  #pauseMs = RENEW_MIN_MS;
  #notBefore = -Infinity;

  /** Told of each refusal. @param now on the clock that never jumps. */
  asksForNewChannel(now: number): boolean {
    if (now < this.#notBefore) return false;
    if (now > this.#notBefore + RENEW_MAX_MS) this.#pauseMs = RENEW_MIN_MS; // another story
    this.#notBefore = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, RENEW_MAX_MS);
    return true;
  }
}
