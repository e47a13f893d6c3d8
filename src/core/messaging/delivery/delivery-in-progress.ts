import type { HandlerEntry } from '../handlers/handler-entry.js';
import { attemptOf } from './delivery-checks.js';
import type { MessageContext } from '../message/message-context.js';
import { OWN_HEADERS, ownText } from '../ports/headers.js';
import { Link } from '../transport-kit/linked-set.js';
import type { KillSwitchPass } from './kill-switch.js';
import type { Delivery, Settlement } from '../ports/transport.js';

/** How many deliveries of one handler are in flight. */
export interface Load {
  active: number;
}

/** What a delivery is handed over with. */
export interface HandOver {
  /** Counts it while it is in flight. */
  readonly load: Load;
  /** Of the handler's kill switch, where it has one. */
  readonly pass?: KillSwitchPass | undefined;
}

/** One delivery on its way through the pipeline. */
export class DeliveryInProgress {
  /** Place among the running handlers. */
  readonly link = new Link<DeliveryInProgress>();
  /** Number of this attempt, 1 for the first. */
  readonly attempt: number;
  /** When the handler began, on the monotonic clock. */
  startedAt: number | undefined;
  /** What the handler may know; there once it began. */
  context: MessageContext | undefined;
  /** The idempotency claim, once there is one. */
  token: string | undefined;

  readonly pass: KillSwitchPass | undefined;
  readonly #load: Load;

  /**
   * @param resolve hands the settlement to the transport.
   */
  constructor(
    readonly entry: HandlerEntry,
    readonly delivery: Delivery,
    { load, pass }: HandOver,
    private readonly resolve: (settlement: Settlement) => void,
  ) {
    this.attempt = attemptOf(delivery);
    this.#load = load;
    this.pass = pass;
    load.active += 1;
  }

  /** The dead letter that this delivery replays. */
  get replayOf(): string | undefined {
    return ownText(this.delivery.message.headers, OWN_HEADERS.deadLetterId);
  }

  /** Ends it. Called once. */
  settle(settlement: Settlement): void {
    this.#load.active -= 1;
    this.resolve(settlement);
  }
}
