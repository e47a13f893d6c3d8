import type { DeadLetterStorage } from './ports/dead-letter-limits.js';
import type { AnyMessageType } from './message/message-type.js';
import type { HandlerIdentity, MessagingObserver } from './observing/events.js';
import type { Route } from './routing/routing-table.js';
import type { Transport, TransportProblem } from './ports/transport.js';

/**
 * `starting` until every transport that is required at boot is connected and consumers were asked for; `draining` from
 * the first moment of a shutdown; `stopped` once transports are closed.
 */
export type MessagingState = 'starting' | 'running' | 'draining' | 'stopped';

/** A problem, and the name of the transport that has it. */
export type ReportedProblem = TransportProblem & { readonly transport: string };

/** The kill switch of a handler, as health and the admin API show it. */
export interface KillSwitchState {
  readonly isOpen: boolean;
  /** When it opened, in milliseconds since 1970. */
  readonly since?: number;
  /** Class of the error that opened it. */
  readonly errorType?: string;
  /** Messages that wait in this process. */
  readonly held: number;
}

/** A pause that an operator has ordered. */
export interface SubscriptionPause {
  readonly reason: string;
  readonly by: string;
  /** Milliseconds since 1970, by the clock of the process that was asked. */
  readonly since: number;
  /** When it ends by itself, in milliseconds since 1970, by the clock of this process. */
  readonly until: number;
}

/** One handler and the consumer that feeds it from one transport, as it is now. */
export interface SubscriptionView {
  /** Identity under which events name this handler. */
  readonly to: HandlerIdentity;
  /** Name of the transport that is consumed. */
  readonly transport: string;
  readonly concurrency: number;
  /** `key`: messages with equal keys are handled in their order, one at a time. */
  readonly ordering: 'none' | 'key';
  /** Deliveries in flight at this moment, in this process. */
  readonly active: number;
  /**
   * `starting` also while its start is repeated; `interrupted` while its transport gets no messages for it, with the
   * reason in {@link MessagingView.problems}; `paused` by an operator; `drained` while its process takes nothing more. Open: a minor version may add states.
   */
  readonly state: 'starting' | 'running' | 'interrupted' | 'paused' | 'drained' | 'stopped';
  /** Absent for a handler without one. */
  readonly killSwitch?: KillSwitchState;
  /** Why and until when an operator has paused it. Absent while it is not paused. */
  readonly pause?: SubscriptionPause;
  /** Most starts a second that an operator permits. */
  readonly ratePerSecond?: number;
}

/** A store that is `local`. Open: a minor version may add some. */
export type LocalStore = 'dead-letters' | 'idempotency';

/** What health, metrics and operators may see of the running core. Reading it costs no round trip. */
export interface MessagingView {
  state(): MessagingState;
  transports(): readonly Transport[];
  subscriptions(): readonly SubscriptionView[];
  /** What is wrong now on brokers and with consumers, each with the name of its transport. */
  problems(): readonly ReportedProblem[];
  /** How much of its limits the store of dead letters uses. */
  deadLetterStorage(): DeadLetterStorage;
  /**
   * Stores that only this process sees although messages come from a broker, so that another process has its own and
   * none has all.
   */
  localStores(): readonly LocalStore[];
  /** In order of precedence, `fallback` already applied. */
  routes(): readonly Route[];
  /** Topics of every message type that this application knows, whether or not it handles them. */
  topics(): readonly string[];
  /** The message type of this name, undefined where none is registered and no handler names one. */
  messageType(name: string): AnyMessageType | undefined;
  /** Adds an observer while the application runs. The returned function takes it away again. */
  observe(observer: MessagingObserver): () => void;
}

/** Takes the handlers of this process out of service. */
export interface IntakeDrain {
  /** Ends intake until the process ends; publishing stays open. Resolves when every delivery in flight is settled. */
  drainIntake(): Promise<void>;
}

/** Injects the {@link MessagingView}. */
export const MESSAGING_VIEW = Symbol.for('switchyard:view');
