import { setTimeout as wait } from 'node:timers/promises';
import type { Transport } from '../src/core/messaging/ports/transport.js';
import { waitUntil } from '../test/support/brokers/wait-until.js';
import { RATE } from './latency.js';

const TICK_MS = 5;
const TOPIC = 'bench.steady';
const BODY = Buffer.alloc(1_024, 'x');

/** `RATE` messages a second, whatever becomes of them, and a consumer that notes what comes. */
export class SteadyLoad {
  readonly #accepted = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #open = new Set<Promise<void>>();
  #unknown = 0;
  #isEnded = false;
  #running: Promise<void> | undefined;
  #lastAcceptedAt = 0;
  #longestGapMs = 0;

  constructor(private readonly transport: Transport) {}

  async start(): Promise<void> {
    const group = { topic: TOPIC, group: 'bench', concurrency: 50, ordering: 'none' } as const;
    await this.transport.consume(group, ({ message }) => {
      this.#seen.add(message.id);
      return Promise.resolve({ kind: 'ack' });
    });
    this.#lastAcceptedAt = performance.now();
    this.#running = this.#run();
  }

  /** Milliseconds without an accepted message, at most, while this happens. */
  async longestGapWhile(happen: () => Promise<void>): Promise<number> {
    this.#longestGapMs = 0;
    await happen();
    return this.#longestGapMs;
  }

  /** Resolves when all that was accepted has come, or a minute has passed. */
  async end(): Promise<{ readonly accepted: number; readonly lost: number; readonly unknown: number }> {
    this.#isEnded = true;
    await this.#running;
    await Promise.all(this.#open);
    const missing = (): number => [...this.#accepted].filter((id) => !this.#seen.has(id)).length;
    await waitUntil('all arrive', async () => missing() === 0, 60_000).catch(() => undefined);
    return { accepted: this.#accepted.size, lost: missing(), unknown: this.#unknown };
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    for (let sent = 0; !this.#isEnded;) {
      await wait(TICK_MS);
      const due = ((performance.now() - startedAt) / 1_000) * RATE;
      for (; sent < due; sent += 1) {
        const publishing = this.#publish(`m-${sent}`).finally(() => this.#open.delete(publishing));
        this.#open.add(publishing);
      }
    }
  }

  async #publish(id: string): Promise<void> {
    const message = { id, headers: {}, body: BODY };
    const [outcome] = await this.transport.publish({ topic: TOPIC }, [message], { deadlineMs: 5_000 });
    if (outcome?.kind === 'unknown') this.#unknown += 1;
    if (outcome?.kind !== 'accepted') return;
    this.#accepted.add(id);
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAcceptedAt);
    this.#lastAcceptedAt = now;
  }
}
