const RENEW_MIN_MS = 200;
const RENEW_MAX_MS = 30_000;

/**
 * Decides when to replace a channel on which the broker refuses messages.
 *
 * A channel looks up the leader of a quorum queue once. One that does so just after the leader's node has died refuses every
 * message to that queue while the node is down, although the queue has a new leader (RabbitMQ 3.10,
 * `rabbit_fifo_client:enqueue/3`: `{badrpc, nodedown} -> {reject_publish, State0}`). A queue at its limit refuses on every
 * channel, so the time between replacements doubles.
 *
 * https://github.com/rabbitmq/rabbitmq-server/pull/9241 (3.11 and 3.12, in 2023) makes new channels look up the leader; no test here has shown that it
 * suffices, so this runs with every release.
 */
export class NackBackoff {
  #pauseMs = RENEW_MIN_MS;
  #notBefore = -Infinity;

  /** Called for each refusal. @param now on the monotonic clock. */
  asksForNewChannel(now: number): boolean {
    if (now < this.#notBefore) return false;
    if (now > this.#notBefore + RENEW_MAX_MS) this.#pauseMs = RENEW_MIN_MS; // an unrelated refusal
    this.#notBefore = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, RENEW_MAX_MS);
    return true;
  }
}
