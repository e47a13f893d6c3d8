import type { PublishOutcome } from '../../../../core/messaging/ports/transport.js';
import type { ConfirmResult } from './outbound-message.js';
import { ACCEPTED } from './publish-outcomes.js';

/** One call of `publish`: gathers what becomes of its messages until all of it is known. */
export class PendingPublish {
  readonly #outcomes: PublishOutcome[];
  #left: number;

  /** @param failed says what anything but `confirmed` means for the message at the index. */
  constructor(
    count: number,
    private readonly resolve: (outcomes: readonly PublishOutcome[]) => void,
    private readonly failed: (fate: ConfirmResult, index: number) => Promise<PublishOutcome>,
  ) {
    this.#outcomes = new Array<PublishOutcome>(count).fill(ACCEPTED);
    this.#left = count;
    if (count === 0) resolve(this.#outcomes);
  }

  settled(fate: ConfirmResult, index: number): void {
    if (fate === 'confirmed') this.#settled();
    else
      void this.failed(fate, index).then((outcome) => {
        this.#outcomes[index] = outcome;
        this.#settled();
      });
  }

  #settled(): void {
    this.#left -= 1;
    if (this.#left === 0) this.resolve(this.#outcomes);
  }
}
