import { createHash } from 'node:crypto';
import type { Destination } from '../../../../core/messaging/ports/transport.js';

/** What Kafka allows. */
const MAX_LENGTH = 249;
const DIGEST_LENGTH = 32;

/**
 * Names of topics and consumer groups. Names of ours start with a letter or digit and have no two dots in a row, which
 * therefore separate without ambiguity.
 */
export class ResourceNames {
  constructor(private readonly prefix: string) {}

  /** Kafka's topic for all groups, or for one alone. */
  topic({ topic, group }: Destination): string {
    return fitting(this.prefix + topic + (group === undefined ? '' : `..${group}`));
  }

  /** Kafka's consumer group. */
  group(to: Required<Destination>): string {
    return this.topic(to);
  }

  /** The wait topic of a delay level. */
  wait(tier: string): string {
    return `${this.prefix}.wait.${tier}`;
  }

  /** The consumer group of the delay routers. */
  get router(): string {
    return `${this.prefix}.router`;
  }

  get ping(): string {
    return `${this.prefix}.ping`;
  }
}

/** Keeps the start of a name that is too long, for people, and its digest, for uniqueness. */
function fitting(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  return `${name.slice(0, MAX_LENGTH - DIGEST_LENGTH - 2)}..${digest}`;
}
