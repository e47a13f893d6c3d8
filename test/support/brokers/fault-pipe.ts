import type { Socket } from 'node:net';

/** What happens to the bytes between a client and a server. */
export interface Faults {
  /**
   * - `pass`: nothing.
   * - `blackhole`: neither bytes nor ends of connections arrive, in both directions; what was on its way arrives later.
   * - `drop-up`, `drop-down`: what the client, or the server, sends is lost. A connection that has lost bytes is reset as
   *   soon as more would arrive after the fault.
   * - `reset`: connections are reset, the existing ones at once and new ones as soon as they are made.
   */
  readonly mode: 'pass' | 'blackhole' | 'drop-up' | 'drop-down' | 'reset';
  /** In each direction. @default 0 */
  readonly latencyMs: number;
  /** In each direction of each connection. @default without a limit */
  readonly bytesPerSecond: number;
  /** A connection is reset when this many bytes have gone up. @default never */
  readonly cutAfterUpBytes: number;
  /** A connection is reset when this many bytes have gone down. @default never */
  readonly cutAfterDownBytes: number;
  /** Bytes arrive in pieces of at most this size. @default as they come */
  readonly sliceBytes: number;
}

export const NO_FAULTS: Faults = {
  mode: 'pass',
  latencyMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  cutAfterUpBytes: Number.POSITIVE_INFINITY,
  cutAfterDownBytes: Number.POSITIVE_INFINITY,
  sliceBytes: Number.POSITIVE_INFINITY,
};

export interface FaultPipeOptions {
  readonly direction: 'up' | 'down';
  readonly source: Socket;
  readonly sink: Socket;
  /** Those of now. */
  readonly faults: () => Faults;
  /** Called to reset both ends of the connection. */
  readonly reset: () => void;
}

/** Above it, the source is not read, so that its sender has to wait, too. */
const MAX_HELD_BYTES = 1_048_576;

/** A chunk, or the end of what the source sends, with the time of its arrival. */
interface Held {
  readonly what: Buffer | 'end' | 'reset';
  readonly arrivedAt: number;
}

/** One direction of a connection. */
export class FaultPipe {
  passedBytes = 0;
  readonly #options: FaultPipeOptions;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #hasLost = false;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(options: FaultPipeOptions) {
    this.#options = options;
    const { source } = options;
    source.on('data', (chunk: Buffer) => this.#hold(chunk));
    source.once('end', () => this.#hold('end'));
    source.once('error', () => this.#hold('reset'));
    options.sink.on('drain', () => this.changed());
    options.sink.once('close', () => this.changed());
    void this.#run();
  }

  /** Has to be called when the faults have changed. */
  changed(): void {
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.changed();
  }

  #hold(what: Held['what']): void {
    this.#held.push({ what, arrivedAt: performance.now() });
    if (what instanceof Buffer) this.#heldBytes += what.length;
    if (this.#heldBytes >= MAX_HELD_BYTES) this.#options.source.pause();
    this.changed();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const next = this.#held[0];
      if (next === undefined || this.#options.faults().mode === 'blackhole') {
        await this.#changed();
        continue;
      }
      const dueInMs = next.arrivedAt + this.#options.faults().latencyMs - performance.now();
      if (dueInMs > 0) {
        await this.#changed(dueInMs);
        continue;
      }
      this.#held.shift();
      await this.#deliver(next.what);
    }
  }

  async #deliver(what: Held['what']): Promise<void> {
    if (what === 'reset') this.#options.reset();
    else if (what === 'end') this.#options.sink.end();
    else await this.#take(what);
  }

  async #take(what: Buffer): Promise<void> {
    this.#heldBytes -= what.length;
    if (this.#heldBytes < MAX_HELD_BYTES) this.#options.source.resume();
    if (this.#options.faults().mode === `drop-${this.#options.direction}`) this.#hasLost = true;
    else if (this.#hasLost) this.#options.reset();
    else await this.#pass(what);
  }

  async #pass(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0 && !this.#isClosed;) {
      const { sliceBytes, bytesPerSecond } = this.#options.faults();
      const left = this.#cutAfterBytes() - this.passedBytes;
      // A tenth of a second's worth, so that a slow line is slow evenly.
      const slice = rest.subarray(0, Math.max(1, Math.min(sliceBytes, Math.ceil(bytesPerSecond / 10), left)));
      rest = rest.subarray(slice.length);
      this.passedBytes += slice.length;
      await this.#write(slice);
      if (this.passedBytes >= this.#cutAfterBytes()) this.#options.reset();
      else if (Number.isFinite(bytesPerSecond)) await pause((slice.length / bytesPerSecond) * 1_000);
      // Otherwise the kernel would put the slices together again.
      else if (Number.isFinite(sliceBytes)) await pause(0);
    }
  }

  async #write(slice: Buffer): Promise<void> {
    const { sink } = this.#options;
    const isOpen = (): boolean => !this.#isClosed && !sink.destroyed && !sink.writableEnded;
    if (isOpen()) sink.write(slice);
    while (isOpen() && sink.writableNeedDrain) await this.#changed();
  }

  #cutAfterBytes(): number {
    const { cutAfterUpBytes, cutAfterDownBytes } = this.#options.faults();
    return this.#options.direction === 'up' ? cutAfterUpBytes : cutAfterDownBytes;
  }

  /** Resolves when anything has changed, or after the given time. */
  #changed(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#wake?.(), timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
