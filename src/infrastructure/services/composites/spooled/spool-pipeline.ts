import type { PublishOptions, TransportContext } from '../../../../core/messaging/ports/transport.js';
import type { Member } from '../members/member.js';
import type { RateLimiter } from './rate-limiter.js';
import type { Target } from '../members/try-in-order.js';
import { Spool } from './spool.js';
import type { SpoolLanes } from './spool-lanes.js';
import { SpoolDrain } from './spool-drain.js';
import type { SpooledOptions } from './spooled.options.js';

export interface SpoolPipelineParts {
  readonly target: Member;
  /** The spool's transport. */
  readonly member: Member;
  readonly pace: RateLimiter;
  /** This run of the application. */
  readonly run: string;
  readonly context: TransportContext;
  readonly options: SpooledOptions;
  /** All that is spooled, on every way. */
  readonly total: () => number;
}

/**
 * A spool with what sends on from it. There are two: messages in strict order may have to wait for one broker while all
 * others can go on, and must not be in their way.
 */
export class SpoolPipeline {
  readonly spool: Spool;
  readonly drain: SpoolDrain;
  /** Whom to try for a message before which none waits. */
  readonly straight: readonly Target[];
  readonly behind: readonly Target[];

  constructor(
    ordering: PublishOptions['ordering'],
    lanes: SpoolLanes,
    { target, member, pace, run, context, options, total }: SpoolPipelineParts,
  ) {
    const { name, clock } = context;
    const topic = ordering ? `spool-${ordering}.${name}` : `spool.${name}`;
    this.spool = new Spool(member, lanes, { name, topic, total, run, clock, options });
    this.drain = new SpoolDrain({ spool: this.spool, target, pace, run, ordering, context });
    this.straight = [target, this.spool];
    this.behind = [this.spool];
  }
}
