/** Bounds checked before a message is sent and before it is parsed. */
export interface MessageLimits {
  /** Encoded payload, in bytes. Defaults to 4 MiB; brokers have limits of their own. */
  readonly maxBodyBytes: number;
  /** Headers that an application may add. Defaults to 64. */
  readonly maxHeaders: number;
  /** Names and values of these headers together, in bytes. Defaults to 16 KiB. */
  readonly maxHeaderBytes: number;
}

export const DEFAULT_MESSAGE_LIMITS: MessageLimits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxHeaders: 64,
  maxHeaderBytes: 16 * 1024,
};
