import type { HandlerEntry } from '../handlers/handler-entry.js';
import type { Clock, Consumer, Transport } from '../ports/transport.js';
import { Departure } from './departure.js';
import type { KillSwitch } from './kill-switch.js';
import type { SharedSlots } from './shared-slots.js';
import type { StartRate } from './start-rate.js';

/** A handler, and what its consumers share. */
export interface ServedHandler {
  readonly entry: HandlerEntry;
  readonly slots: SharedSlots;
  readonly rate: StartRate;
  readonly killSwitch: KillSwitch | undefined;
}

/** Serves one handler from one transport. */
export class Served implements ServedHandler {
  readonly entry: HandlerEntry;
  readonly slots: SharedSlots;
  readonly rate: StartRate;
  readonly killSwitch: KillSwitch | undefined;
  consumer: Consumer | undefined;
  state: 'starting' | 'running' | 'paused' | 'drained' | 'stopped' = 'starting';
  /** What operators ask for. */
  wanted: { readonly isPaused: boolean; readonly concurrency: number };
  /** Concurrency with which the consumer was started. */
  consumedWith: number | undefined;
  /** The process takes nothing more until it ends. */
  isDrained = false;
  /** The end of the consumers before the current one. */
  leaving: Promise<void> = Promise.resolve();
  /** Of the current consumer. */
  departure = new Departure();
  #turn = 0;
  #cancelRestart = (): void => undefined;

  constructor(
    { entry, slots, rate, killSwitch }: ServedHandler,
    readonly transport: Transport,
  ) {
    this.entry = entry;
    this.slots = slots;
    this.rate = rate;
    this.killSwitch = killSwitch;
    this.wanted = { isPaused: false, concurrency: entry.concurrency };
  }

  get isResting(): boolean {
    return this.state === 'paused' || this.state === 'drained';
  }

  /** Why nothing is to be consumed. */
  get rest(): 'paused' | 'drained' | undefined {
    if (this.isDrained) return 'drained';
    return this.wanted.isPaused ? 'paused' : undefined;
  }

  /** Number of the start that is under way. */
  get turn(): number {
    return this.#turn;
  }

  /** Whether that start still leads to a consumer that is wanted. */
  isTurn(turn: number): boolean {
    return this.#turn === turn && this.state === 'starting';
  }

  /** A consumer is about to begin. */
  arrive(): Departure {
    this.departure = new Departure();
    return this.departure;
  }

  /** Ends the wait before the next start, and the start that is under way. */
  cancelRestart(): void {
    this.#turn += 1;
    this.#cancelRestart();
  }

  /** Resolves after the time, or when the wait is ended. */
  restartAfter(delayMs: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.schedule(delayMs, resolve);
      this.#cancelRestart = () => {
        cancel();
        resolve();
      };
    });
  }
}
