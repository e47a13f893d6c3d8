import { errorCodeOf } from '../../../../core/messaging/ports/errors.js';
import type {
  CompositeState,
  LastSwitch,
  SwitchCount,
} from '../../../../core/messaging/ports/composite-transport.js';
import type { TransportContext } from '../../../../core/messaging/ports/transport.js';

const MAX_REASON_LENGTH = 500;

/** Emits every switch from one member to another, and remembers the last one. */
export class SwitchLog {
  readonly #counts = new Map<string, SwitchCount>();
  #last: LastSwitch | undefined;

  constructor(private readonly context: TransportContext) {}

  /** Part of the state of a transport that combines members. */
  get state(): Pick<CompositeState, 'lastSwitch' | 'switches'> {
    const switches = [...this.#counts.values()];
    return this.#last ? { lastSwitch: this.#last, switches } : { switches };
  }

  record(from: string, to: string, why: string | Error): void {
    const reason = (typeof why === 'string' ? why : why.message).slice(0, MAX_REASON_LENGTH);
    const at = this.context.clock.now();
    const errorCode = typeof why === 'string' ? undefined : errorCodeOf(why);
    this.#last = { from, to, reason, at, ...(errorCode === undefined ? {} : { errorCode }) };
    const label = JSON.stringify([from, to]);
    this.#counts.set(label, { from, to, count: (this.#counts.get(label)?.count ?? 0) + 1 });
    this.context.onEvent({ type: 'switched', from, to, reason });
  }
}
