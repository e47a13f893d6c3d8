import { Counts } from './counts.js';

/** Replaces a label value above the limit. */
export const OTHER = '__other__';

const MAX_TOPICS = 200;
const MAX_ERROR_TYPES = 100;

/**
 * Limits the number of label values. prom-client and Prometheus keep every series, so external values must not
 * create series without limit.
 */
export class LabelLimits {
  readonly #pairs = new Set<string>();
  readonly #topics = new Set<string>();
  readonly #errorTypes = new Set<string>();
  /** How often a value was replaced, by metric. */
  readonly overflows = new Counts();

  /** True when the pair of topic and group may have its own series. */
  admitPair(topic: string, group: string): boolean {
    return this.#admit(this.#pairs, `${topic}\n${group}`, MAX_TOPICS, 'messaging_process_duration_seconds');
  }

  topic(topic: string): string {
    return this.#admit(this.#topics, topic, MAX_TOPICS, 'messaging_client_sent_messages_total')
      ? topic
      : OTHER;
  }

  errorType(type: string): string {
    return this.#admit(this.#errorTypes, type, MAX_ERROR_TYPES, 'error_type') ? type : OTHER;
  }

  #admit(known: Set<string>, value: string, max: number, metric: string): boolean {
    if (known.has(value)) return true;
    if (known.size < max) {
      known.add(value);
      return true;
    }
    this.overflows.add(metric);
    return false;
  }
}
