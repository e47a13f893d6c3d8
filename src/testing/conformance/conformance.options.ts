import type {
  Subscription,
  Transport,
  TransportContext,
  WireMessage,
} from '../../core/messaging/ports/transport.js';

/** Whether deliveries that are in flight when the broker goes can be settled once it is back. */
export type KeepsDeliveries = 'always' | 'if it is quick' | 'never';

/** What a case observes of a transport, and the clock of the process that has it. The system's without one. */
export type CaseContext = Pick<TransportContext, 'onEvent' | 'keepRefused'> &
  Partial<Pick<TransportContext, 'clock'>>;

/** What a transport brings to the suite. Cases that need an option that is absent are skipped, with the reason. */
export interface ConformanceOptions {
  /**
   * A new transport, connected. Several may be open at a time on the same broker. The suite closes it.
   *
   * @param context what the case observes; the rest is the transport's own choice.
   */
  readonly create: (context: CaseContext) => Promise<Transport>;
  /** Closes the transport and opens another on the same storage, as after a restart. */
  readonly reopen?: (transport: Transport) => Promise<Transport>;
  /** Opens another transport on the same storage, as another process has one. */
  readonly beside?: (transport: Transport, context: CaseContext) => Promise<Transport>;
  /** How the cases that kill a process start one. */
  readonly process?: KilledProcess;
  /** Takes the broker of a transport away, and brings it back with what it has stored. */
  readonly outage?: Outage & {
    /** It is the same for all transports, and takes long: the cases that need one share it. */
    readonly isOfAll?: true;
    /** @default 'never' */
    readonly keepsDeliveries?: KeepsDeliveries;
  };
  /** What programs can do on the broker that do not use this transport. */
  readonly foreign?: Foreign;
  /** Writes these bytes to a place of the group's own, in a way that the transport cannot read as a message. */
  readonly unreadable?: (
    transport: Transport,
    to: Pick<Subscription, 'topic' | 'group'>,
    body: Uint8Array,
  ) => Promise<void>;
  /** Headers that make the broker refuse the retry that lays them over the message. */
  readonly refusedRetry?: Readonly<Record<string, string>>;
  /** Keeps messages for every group until it is removed, and can list and remove groups (`GroupKeeper`). */
  readonly keepsGroups?: true;
  /** Carries replies to requests (`Replies`). */
  readonly replies?: true;
  /** No reply is too large, because none leaves the process. */
  readonly repliesStayInProcess?: true;
  /** Size in bytes of a body that the transport refuses. It must be able to deliver 1 MiB. */
  readonly tooLargeBytes: number;
  /** Cases that this transport cannot pass, by title, and why. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
  /** Longest wait for something that a case expects, in milliseconds of `now`. @default 45000 */
  readonly patienceMs?: number;
  /** Milliseconds from an arbitrary start that `patienceMs` is counted in. @default performance.now */
  readonly now?: () => number;
}

export interface Outage {
  readonly kill: (transport: Transport) => Promise<void>;
  readonly restore: (transport: Transport) => Promise<void>;
}

/** A process that the suite kills with SIGKILL while it uses a storage. */
export interface KilledProcess {
  /**
   * Arguments of Node that start a program which calls `runConformanceTask` with a function that opens a transport. The suite
   * adds the task as the last one.
   */
  readonly command: readonly string[];
  /** Text that names a new storage, which the function in that program is given. */
  readonly storage: () => string;
  /** Opens that storage in this process, once the other one is dead. */
  readonly open: (storage: string) => Promise<Transport>;
}

/** A program that uses the broker's own client. */
export interface Foreign {
  /**
   * Publishes to the address of the topic, where every group gets it: with these headers and bytes, and without an id.
   *
   * @param transport the one that consumes; it has made the address.
   */
  readonly publish: (
    transport: Transport,
    topic: string,
    message: Pick<WireMessage, 'headers' | 'body'>,
  ) => Promise<void>;
}
