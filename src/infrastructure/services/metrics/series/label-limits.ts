import { Counts } from './counts.js';

/** Takes the place of a label value that is one too many. */
export const OTHER = '__other__';

const MAX_TOPICS = 200;
const MAX_ERROR_TYPES = 100;

/**
 * Keeps label values few. prom-client and Prometheus keep every series for ever, so a value that comes from outside
 * must not be able to make new ones without end.
 */
export class LabelLimits {
  readonly #pairs = new Set<string>();
  readonly #topics = new Set<string>();
  readonly #errorTypes = new Set<string>();
  /** How often a value was replaced, by metric. */
  readonly overflows = new Counts();

  /** True when the (topic, group) may have series of its own. */
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
