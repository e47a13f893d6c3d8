import type { SpoolState } from '../../../../core/messaging/ports/composite-transport.js';
import { type Clock, isStored, type Transport } from '../../../../core/messaging/ports/transport.js';
import type { Spool } from './spool.js';
import type { SpooledOptions } from './spooled.options.js';

/** Above this share of its bounds a spool counts as nearly full, so that load goes elsewhere. */
const NEARLY_FULL = 0.95;
/** A shorter time is too short to measure how fast it fills. */
const MIN_FILLING_MS = 1_000;

interface GaugeParts {
  readonly spools: readonly Spool[];
  /** The transport that holds the spools. */
  readonly transport: Transport;
  readonly options: Pick<SpooledOptions, 'maxMessages' | 'maxAgeMs'>;
  readonly clock: Clock;
}

interface Level {
  readonly used: number;
  readonly most: number;
}

/** How full a spool is, and how soon it will be. */
export class SpoolGauge {
  #since: { readonly at: number; readonly levels: readonly Level[] } | undefined;

  constructor(private readonly parts: GaugeParts) {}

  get messages(): number {
    return this.parts.spools.reduce((sum, { lanes }) => sum + lanes.total, 0);
  }

  get isNearlyFull(): boolean {
    return (
      this.#oldestAgeMs > this.parts.options.maxAgeMs ||
      this.#levels.some(({ used, most }) => used >= most * NEARLY_FULL)
    );
  }

  /** Begins or ends the measurement of how fast it fills. Idempotent. */
  turn(isFilling: boolean): void {
    if (!isFilling) this.#since = undefined;
    else this.#since ??= { at: this.parts.clock.monotonic(), levels: this.#levels };
  }

  state(): Omit<SpoolState, 'isPaused'> {
    const { transport, options } = this.parts;
    const disk = isStored(transport) ? transport.diskUse() : undefined;
    const fullInMs = this.#fullInMs;
    return {
      messages: this.messages,
      maxMessages: options.maxMessages,
      oldestAgeMs: this.#oldestAgeMs,
      ...(disk === undefined ? {} : { disk }),
      ...(fullInMs === undefined ? {} : { fullInMs }),
    };
  }

  get #oldestAgeMs(): number {
    return Math.max(...this.parts.spools.map(({ oldestAgeMs }) => oldestAgeMs));
  }

  get #levels(): readonly Level[] {
    const { transport, options } = this.parts;
    const disk = isStored(transport) ? transport.diskUse() : undefined;
    const messages = { used: this.messages, most: options.maxMessages };
    return disk === undefined ? [messages] : [messages, { used: disk.bytes, most: disk.maxBytes }];
  }

  get #fullInMs(): number | undefined {
    if (!this.#since) return undefined;
    const { at, levels } = this.#since;
    const elapsedMs = Math.max(this.parts.clock.monotonic() - at, MIN_FILLING_MS);
    const times = this.#levels.flatMap(({ used, most }, nth) => {
      const grown = used - (levels[nth]?.used ?? used);
      return grown > 0 ? [(Math.max(0, most - used) * elapsedMs) / grown] : [];
    });
    return times.length === 0 ? undefined : Math.round(Math.min(...times));
  }
}
