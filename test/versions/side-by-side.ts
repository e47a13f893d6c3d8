import { setTimeout as wait } from 'node:timers/promises';
import { NEWER_FORMAT } from '../../src/core/messaging/ports/formats.js';
import type { Consumer, Delivery, Settlement, Transport } from '../../src/core/messaging/ports/transport.js';
import { waitUntil, waitWhileMoving } from '../support/brokers/wait-until.js';
import { seededRandom } from '../support/seeded-random.js';
import type { Bench } from '../faults/transport-bench.js';

const TOPIC = 'orders';
const KEYS = 8;
const DEADLINE_MS = 20_000;
const GROUPS = [
  { group: 'plain', ordering: 'none' },
  { group: 'keyed', ordering: 'key' },
] as const;
type Group = (typeof GROUPS)[number]['group'];

/** Transports of this version and of one with higher numbers, on the same broker with the same names. Connected. */
export interface Versions {
  readonly older: () => Promise<Bench<Transport>>;
  readonly newer: () => Promise<Bench<Transport>>;
}

interface Handled {
  readonly by: 'older' | 'newer';
  readonly group: Group;
  readonly id: string;
  readonly key: string | undefined;
  readonly attempt: number;
}

/** What was published, and what processes of both versions have handled of it. */
class Ledger {
  readonly published = new Map<string, 'older' | 'newer'>();
  readonly handled: Handled[] = [];
  readonly #failedOnce = new Set<string>();
  readonly #random = seededRandom(7);

  /** Publishes messages of one key one after the other, each by another version than the one before. */
  async publish(
    transports: Readonly<Record<'older' | 'newer', Transport>>,
    {
      perKey,
      delayMs = 0,
      prefix,
    }: { readonly perKey: number; readonly delayMs?: number; readonly prefix: string },
  ): Promise<void> {
    const ofKey = async (key: string): Promise<void> => {
      for (let nth = 0; nth < perKey; nth += 1) {
        const by = this.#random(2) === 0 ? 'older' : 'newer';
        const id = `${prefix}-${key}-${nth}`;
        const message = { id, key, headers: { a: 'b' }, body: Buffer.from('{}') };
        const [outcome] = await transports[by].publish({ topic: TOPIC }, [message], {
          delayMs,
          deadlineMs: DEADLINE_MS,
        });
        expect(outcome).toMatchObject({ kind: 'accepted' });
        this.published.set(id, by);
      }
    };
    await Promise.all(Array.from({ length: KEYS }, (_, nth) => ofKey(`k${nth}`)));
  }

  consume(transport: Transport, by: 'older' | 'newer'): Promise<Consumer[]> {
    return Promise.all(
      GROUPS.map(({ group, ordering }) =>
        transport.consume({ topic: TOPIC, group, ordering, concurrency: 8 }, (delivery) =>
          this.#handle(delivery, group, by),
        ),
      ),
    );
  }

  async #handle({ message, attempt }: Delivery, group: Group, by: 'older' | 'newer'): Promise<Settlement> {
    await wait(this.#random(5));
    this.handled.push({ by, group, id: message.id, key: message.key, attempt });
    const isFailing = group === 'plain' && message.id.endsWith('3') && !this.#failedOnce.has(message.id);
    if (!isFailing) return { kind: 'ack' };
    this.#failedOnce.add(message.id);
    return { kind: 'retry', delayMs: this.#random(2) === 0 ? 0 : 300 };
  }

  missing(): string[] {
    const seen = new Set(this.handled.map(({ group, id }) => `${group} ${id}`));
    return GROUPS.flatMap(({ group }) =>
      [...this.published.keys()].map((id) => `${group} ${id}`).filter((name) => !seen.has(name)),
    );
  }

  /** What the older version has handled although the newer one had published it. */
  trespasses(): readonly Handled[] {
    return this.handled.filter(({ by, id }) => by === 'older' && this.published.get(id) === 'newer');
  }

  /** Pairs of one key in the group with order that were handled in the wrong order. */
  reordered(prefix: string): string[] {
    const last = new Map<string, number>();
    return this.handled.flatMap(({ group, id, key = '' }) => {
      if (group !== 'keyed' || !id.startsWith(prefix)) return [];
      const nth = Number(id.split('-').at(-1));
      const before = last.get(key) ?? -1;
      if (nth > before) last.set(key, nth);
      return nth < before ? [`${id} after ${before}`] : [];
    });
  }

  /** Messages on a higher attempt than their failures account for. */
  surplusAttempts(): readonly Handled[] {
    return this.handled.filter(
      ({ group, id, attempt }) => attempt > (group === 'plain' && id.endsWith('3') ? 2 : 1),
    );
  }
}

/** The promises of two versions on one broker. */
export function describeSideBySide(versions: Versions): void {
  it('under load, the older version handles nothing of the newer, and nothing is lost, stuck or out of order', async () => {
    const [older, newer] = [await versions.older(), await versions.newer()];
    const both = { older: older.transport, newer: newer.transport };
    const ledger = new Ledger();
    await ledger.consume(both.older, 'older');
    await ledger.consume(both.newer, 'newer');
    await ledger.publish(both, { perKey: 40, prefix: 'load' });
    await ledger.publish(both, { perKey: 4, delayMs: 700, prefix: 'later' });
    await allHandled(ledger, both.newer);
    expect(ledger.trespasses()).toEqual([]);
    expect(ledger.reordered('load')).toEqual([]);
    expect(ledger.surplusAttempts()).toEqual([]);
  }, 240_000);

  it('an older process alone leaves what is newer, reports it once, and handles the rest; the newer one handles it later', async () => {
    const [older, newer] = [await versions.older(), await versions.newer()];
    const both = { older: older.transport, newer: newer.transport };
    const ledger = new Ledger();
    const consumers = await ledger.consume(both.older, 'older');
    await ledger.publish(both, { perKey: 6, prefix: 'alone' });
    await ledger.publish(both, { perKey: 2, delayMs: 500, prefix: 'later' });
    // A delayed message is of the newer version once its process has moved it.
    const ofOlder = [...ledger.published].flatMap(([id, by]) =>
      by === 'older' && id.startsWith('alone') ? [id] : [],
    );
    const seen = (): Set<string> =>
      new Set(ledger.handled.filter(({ group }) => group === 'plain').map(({ id }) => id));
    await waitWhileMoving(
      'the older one has handled what it knows',
      async () => ofOlder.every((id) => seen().has(id)),
      () => ledger.handled.length,
      30_000,
    );
    await waitUntil('it is reported', async () => problemsOf(older).length > 0, 20_000);
    await wait(3_000);
    expect(ledger.trespasses()).toEqual([]);
    const reported = older.events.filter(
      (event) => event.type === 'problem' && event.problem.code === NEWER_FORMAT,
    );
    expect(reported.length).toBeLessThan(8);
    await ledger.consume(both.newer, 'newer');
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    await allHandled(ledger, both.newer);
    expect(ledger.trespasses()).toEqual([]);
    expect(ledger.reordered('alone')).toEqual([]);
    expect(ledger.surplusAttempts()).toEqual([]);
  }, 240_000);
}

function problemsOf({ transport }: Bench<Transport>): readonly unknown[] {
  const { problems } = transport as Transport & {
    readonly problems: () => readonly { readonly code: string }[];
  };
  return problems.call(transport).filter(({ code }) => code === NEWER_FORMAT);
}

async function allHandled(ledger: Ledger, transport: Transport): Promise<void> {
  await waitWhileMoving(
    'everything is handled in every group',
    async () => ledger.missing().length === 0,
    () => ledger.handled.length,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)} Missing: ${ledger.missing().slice(0, 20).join(', ')}`);
  });
  await waitUntil('nothing is left', async () => {
    const left = await Promise.all(GROUPS.map(({ group }) => transport.backlog({ topic: TOPIC, group })));
    return left.every(({ ready, inFlight, delayed }) => ready + inFlight + delayed === 0);
  });
}
