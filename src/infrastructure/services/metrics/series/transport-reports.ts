import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import type { Sample } from './exported.js';
import { type LabelLimits, OTHER } from './label-limits.js';

/** Problem codes and reasons are a few fixed words; this limits a transport that generates them. */
const MAX_SERIES = 2_000;

/** Counts by any labels. */
class LabelledCounts {
  readonly #samples = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();

  add(labels: Readonly<Record<string, string>>, count = 1): void {
    const key = JSON.stringify(labels);
    const known = this.#samples.get(key);
    if (known) known.value += count;
    else if (this.#samples.size < MAX_SERIES) this.#samples.set(key, { labels, value: count });
  }

  all(): Iterable<Sample> {
    return this.#samples.values();
  }
}

/** Reports of transports about their brokers, other than connection events. */
export class TransportReports {
  readonly removed = new LabelledCounts();
  readonly problems = new LabelledCounts();
  readonly ignoredHeaders = new LabelledCounts();

  constructor(private readonly limits: LabelLimits) {}

  add(transport: string, event: TransportEvent): void {
    if (event.type === 'unread-removed') {
      const { topic, group, reason, count } = event;
      this.removed.add({ transport, ...this.#place(topic, group), reason }, count);
    } else if (event.type === 'headers-ignored') {
      this.ignoredHeaders.add({ transport, ...this.#place(event.topic, event.group) }, event.count);
    } else if (event.type === 'problem') this.problems.add({ transport, code: event.problem.code });
  }

  #place(topic: string, group = ''): { readonly topic: string; readonly group: string } {
    return this.limits.admitPair(topic, group) ? { topic, group } : { topic: OTHER, group: OTHER };
  }
}
