import { errorTypeOf } from '../dead-letters/error-description.js';
import type { HandlerEntry, KillSwitchPolicy } from '../handlers/handler-entry.js';
import type { KillSwitchState } from '../messaging.view.js';
import type { MessagingEvent } from '../observing/events.js';
import { matchesError } from '../retry-policy.js';
import type { Clock, Settlement } from '../ports/transport.js';
import type { Departure } from './departure.js';

/** Longest time that a message waits in this process. It goes back to its broker then: brokers close what holds one for too long. */
const MAX_HOLD_MS = 600_000;

/** What one delivery of a handler with a kill switch may do, and how it ended. */
export class KillSwitchPass {
  /** Its failure is one of those that open the switch. */
  hasFailed = false;
  hasSucceeded = false;

  constructor(
    readonly killSwitch: KillSwitch,
    readonly isProbe: boolean,
  ) {}
}

interface Waiting {
  readonly since: number;
  readonly admit: (pass: KillSwitchPass | undefined) => void;
}

/**
 * Stops a handler while what it depends on is down. It opens after some failures in a row, and closes when a message is
 * handled. While it is open, messages wait here or stay on their broker, and one at a time is handed to the handler.
 *
 * It judges and holds back. It never fails a message: none uses an attempt for it, and none becomes a dead letter.
 */
export class KillSwitch {
  readonly #policy: KillSwitchPolicy;
  readonly #entry: HandlerEntry;
  readonly #clock: Clock;
  readonly #emit: (event: MessagingEvent) => void;
  /** In the order in which they came. */
  #waiting: Waiting[] = [];
  #failures = 0;
  #opened: { readonly since: number; readonly errorType: string } | undefined;
  #isProbing = false;
  #probeAt = 0;
  #cancelProbe = (): void => undefined;

  constructor(
    entry: HandlerEntry & { readonly killSwitch: KillSwitchPolicy },
    clock: Clock,
    emit: (event: MessagingEvent) => void,
  ) {
    this.#entry = entry;
    this.#policy = entry.killSwitch;
    this.#clock = clock;
    this.#emit = emit;
  }

  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  get state(): KillSwitchState {
    return { isOpen: this.isOpen, held: this.#waiting.length, ...this.#opened };
  }

  /** Delay of a message that goes back to its broker because of the switch. */
  get delayMs(): number {
    return this.#policy.probeEveryMs;
  }

  /** What a message is settled with that goes back to its broker: it has used no attempt. */
  get giveBack(): Settlement {
    return { kind: 'retry', delayMs: this.delayMs, countsAttempt: false };
  }

  /** Resolves with a pass when the delivery may run, and with nothing when it has to go back to its broker. */
  enter(
    departure: Departure,
    { isAgain = false } = {},
  ): KillSwitchPass | Promise<KillSwitchPass | undefined> {
    if (!this.isOpen) return new KillSwitchPass(this, false);
    if (departure.isGone) return Promise.resolve(undefined);
    if (!isAgain && this.#waiting.length === 0 && this.#mayProbe()) return this.#probe();
    return new Promise((resolve) => {
      const waiting: Waiting = {
        since: this.#clock.monotonic(),
        admit: (pass) => {
          forget();
          resolve(pass);
        },
      };
      // One that has run before comes before those that have not, as on its broker.
      if (isAgain) this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      const forget = departure.onLeave(() => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        resolve(undefined);
      });
    });
  }

  /** Whether the error says that what the handler depends on is down. */
  matches(error: unknown): boolean {
    return this.#policy.errors.some((match) => matchesError(error, match));
  }

  /** The run of this pass has ended with such an error. */
  failed(pass: KillSwitchPass, error: unknown): void {
    pass.hasFailed = true;
    if (pass.isProbe) this.#isProbing = false;
    if (this.isOpen) {
      if (pass.isProbe) this.#probeLater(this.#policy.probeEveryMs);
      return;
    }
    this.#failures += 1;
    if (this.#failures < this.#policy.after) return;
    this.#opened = { since: this.#clock.now(), errorType: errorTypeOf(error) };
    this.#probeLater(this.#policy.probeEveryMs);
    this.#report('opened', this.#opened.errorType);
  }

  /** A message was handled. */
  succeeded(pass: KillSwitchPass): void {
    pass.hasSucceeded = true;
    if (pass.isProbe) this.#isProbing = false;
    this.#failures = 0;
    if (!this.#opened) return;
    const { errorType } = this.#opened;
    this.#opened = undefined;
    this.#cancelProbe();
    this.#report('closed', errorType);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { admit } of waiting) admit(new KillSwitchPass(this, false));
  }

  /** The delivery has ended. In another way than these two, it says nothing about what the handler depends on. */
  ended(pass: KillSwitchPass): void {
    if (!pass.isProbe || pass.hasFailed || pass.hasSucceeded) return;
    this.#isProbing = false;
    if (this.isOpen) this.#probeLater(0);
  }

  /** Ends its timer. */
  stop(): void {
    this.#cancelProbe();
  }

  #mayProbe(): boolean {
    return !this.#isProbing && this.#clock.monotonic() >= this.#probeAt;
  }

  #probe(): KillSwitchPass {
    this.#isProbing = true;
    return new KillSwitchPass(this, true);
  }

  #probeLater(delayMs: number): void {
    this.#probeAt = this.#clock.monotonic() + delayMs;
    this.#cancelProbe();
    this.#cancelProbe = this.#clock.schedule(delayMs, () => this.#probeNow());
  }

  #probeNow(): void {
    this.#giveBackOld();
    const first = this.#isProbing ? undefined : this.#waiting.shift();
    // Without one that waits, the next that comes is the probe.
    first?.admit(this.#probe());
  }

  #giveBackOld(): void {
    const limit = this.#clock.monotonic() - MAX_HOLD_MS;
    const old = this.#waiting.filter(({ since }) => since <= limit);
    if (old.length === 0) return;
    this.#waiting = this.#waiting.filter(({ since }) => since > limit);
    for (const { admit } of old) admit(undefined);
  }

  #report(change: 'opened' | 'closed', errorType: string): void {
    this.#emit({ type: 'kill-switch', to: this.#entry, change, errorType });
  }
}
