import type { PublishMessageOptions } from '../../core/messaging/index.js';

/** A payload and how it is sent, for `emit` and `send`. Made by {@link SwitchyardRecordBuilder}. */
export class SwitchyardRecord<TData = unknown> {
  constructor(
    readonly data: TData,
    readonly options: PublishMessageOptions,
    /** Longest wait for a reply, in milliseconds. */
    readonly timeoutMs?: number,
  ) {}
}

/** Builds what `emit` and `send` take in place of a payload that needs no options. */
export class SwitchyardRecordBuilder<TData = unknown> {
  #options: PublishMessageOptions = {};
  #timeoutMs: number | undefined;

  constructor(private data: TData) {}

  setData(data: TData): this {
    this.data = data;
    return this;
  }

  /** Messages with equal keys keep their order in handlers with `ordering: 'key'`. */
  setKey(key: string): this {
    return this.#set({ key });
  }

  /** Lower-case names. */
  setHeaders(headers: Readonly<Record<string, string>>): this {
    return this.#set({ headers });
  }

  /** Delivered not before this many milliseconds from now. */
  setDelay(delayMs: number): this {
    return this.#set({ delayMs });
  }

  /** A stable id, so that a message that is emitted again after an error is recognised. */
  setMessageId(messageId: string): this {
    return this.#set({ messageId });
  }

  /** Longest wait for the reply of `send`, or for the receipt of `emit`, in milliseconds. */
  setTimeout(timeoutMs: number): this {
    this.#timeoutMs = timeoutMs;
    return this;
  }

  build(): SwitchyardRecord<TData> {
    return new SwitchyardRecord(this.data, this.#options, this.#timeoutMs);
  }

  #set(options: PublishMessageOptions): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }
}
