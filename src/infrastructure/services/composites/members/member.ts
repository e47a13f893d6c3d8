import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { withDeadline } from '../../../../core/messaging/transport-kit/deadline.js';
import { isComposite, type MemberState } from '../../../../core/messaging/ports/composite-transport.js';
import type {
  Clock,
  Destination,
  PublishOptions,
  PublishOutcome,
  Transport,
  WireMessage,
} from '../../../../core/messaging/ports/transport.js';
import { CircuitBreaker, type StateListener } from './circuit-breaker.js';
import type { MemberOptions } from './member.options.js';

/** A member transport with its health. */
export class Member {
  readonly breaker: CircuitBreaker;
  #isConnected = false;

  constructor(
    readonly transport: Transport,
    private readonly options: MemberOptions,
    private readonly clock: Clock,
    changed: StateListener,
  ) {
    this.breaker = new CircuitBreaker(options, clock, () => this.prove(), changed);
  }

  get name(): string {
    return this.transport.name;
  }

  get isHealthy(): boolean {
    return this.#isConnected && this.breaker.state === 'closed';
  }

  get state(): MemberState {
    const { name, isHealthy, transport } = this;
    const { isLeftOut, state: breaker } = this.breaker;
    const state = { name, works: isHealthy, breaker, isLeftOut };
    return isComposite(transport) ? { ...state, inside: transport.state() } : state;
  }

  /** Rejects when it cannot be reached now; probes keep trying. */
  async connect(): Promise<void> {
    try {
      await this.transport.connect();
      this.#isConnected = true;
    } catch (error) {
      this.breaker.open(error as Error);
      throw error;
    } finally {
      this.breaker.start();
    }
  }

  /** One try. Its result counts in the breaker. */
  async publish(
    to: Destination,
    messages: readonly WireMessage[],
    options: PublishOptions,
  ): Promise<readonly PublishOutcome[]> {
    const outcomes = await this.transport.publish(to, messages, options);
    // A composite member is healthy as long as one of its members is, whatever waits for a certain one.
    if (options.ordering === 'strict' && isComposite(this.transport)) return outcomes;
    const failed = outcomes.find(({ kind }) => kind === 'unavailable' || kind === 'unknown');
    if (failed && failed.kind !== 'accepted') this.breaker.failed(failed.error);
    else this.breaker.succeeded();
    return outcomes;
  }

  /** Closes the breaker. Throws `CONFLICT` when it was never connected. */
  reset(): void {
    if (!this.#isConnected)
      throw new MessagingError('CONFLICT', `"${this.name}" has not been connected so far.`);
    this.breaker.reset();
  }

  async close(): Promise<void> {
    this.breaker.end();
    await this.transport.close();
  }

  /** Rejects unless it could take a message now. */
  async prove(): Promise<void> {
    if (!this.#isConnected) {
      await this.transport.connect();
      this.#isConnected = true;
    }
    const { attemptTimeoutMs } = this.options; // a slower member would be passed over anyway
    const late = (): Error => {
      const text = `Transport "${this.name}" did not prove within ${attemptTimeoutMs} ms that it works.`;
      return new MessagingError('DEADLINE_EXCEEDED', text);
    };
    await withDeadline(this.transport.ping(), attemptTimeoutMs, late, this.clock);
  }
}
