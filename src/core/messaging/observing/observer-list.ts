import { observeClean } from './clean-context.js';
import type { MessagingEvent, MessagingObserver } from './events.js';

/**
 * Emits every event to every observer, outside the asynchronous context of whatever caused it. An observer that throws
 * is reported once and does not disturb the others.
 */
export class ObserverList {
  readonly #observers = new Set<MessagingObserver>();
  readonly #reported = new WeakSet<MessagingObserver>();

  constructor(private readonly onObserverError: (observer: MessagingObserver, error: unknown) => void) {}

  /** Adds an observer; the returned function takes it away again. */
  observe(observer: MessagingObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  readonly #emit = (event: MessagingEvent): void => {
    for (const observer of this.#observers) {
      try {
        observer.on(event);
      } catch (error) {
        if (this.#reported.has(observer)) continue;
        this.#reported.add(observer);
        this.onObserverError(observer, error);
      }
    }
  };

  readonly emit = (event: MessagingEvent): void => observeClean(this.#emit, event);
}
