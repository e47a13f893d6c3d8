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
  /** Number of all spooled messages, in both pipelines. */
  readonly total: () => number;
}

/**
 * A spool with its drain. There are two: messages in strict order may have to wait for one broker, and must not block
 * the others.
 */
export class SpoolPipeline {
  readonly spool: Spool;
  readonly drain: SpoolDrain;
  /** Targets for a message that no spooled message of its key precedes. */
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
