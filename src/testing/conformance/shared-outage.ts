import type { Transport } from '../../core/messaging/ports/transport.js';
import type { Outage } from './conformance.options.js';

interface Waiter {
  readonly wants: keyof Outage;
  readonly transport: Transport;
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * One outage of a broker for several cases that run at the same time: it goes once all of them want it to go, and comes back once all
 * want it back. A case that is over wants nothing.
 */
export class SharedOutage implements Outage {
  #waiting: Waiter[] = [];
  #isDown = false;
  #isBusy = false;

  /** @param running number of cases, of which each has to call {@link over} at its end. */
  constructor(
    private readonly outage: Outage,
    private running: number,
  ) {}

  readonly kill = (transport: Transport): Promise<void> => this.#wait('kill', transport);

  readonly restore = (transport: Transport): Promise<void> => this.#wait('restore', transport);

  over(): void {
    this.running -= 1;
    void this.#look();
  }

  #wait(wants: keyof Outage, transport: Transport): Promise<void> {
    return new Promise((go, fail) => {
      this.#waiting.push({ wants, transport, go, fail });
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const [first] = this.#waiting;
    if (this.#isBusy || !first || this.#waiting.length < this.running) return;
    const next = this.#isDown ? 'restore' : 'kill';
    const those = this.#waiting.filter(({ wants }) => wants === next);
    this.#waiting = this.#waiting.filter(({ wants }) => wants !== next);
    this.#isBusy = true;
    try {
      await this.outage[next](first.transport);
      this.#isDown = !this.#isDown;
      for (const { go } of those) go();
    } catch (error) {
      for (const { fail } of those) fail(error);
    } finally {
      this.#isBusy = false;
    }
    void this.#look(); // all may want what was not next
  }
}
