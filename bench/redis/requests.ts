import { randomUUID } from 'node:crypto';
import type { BenchOptions, Figure } from '../harness.js';
import { compare, countOf, ours, roundTripsOf } from '../requests/asking.js';
import { bareClient, emptyServer, newTransport } from './servers.js';

type Reply = [name: string, entries: [id: string, fields: string[]][]][];

/** Against XADD, a group that reads it, and a channel for the replies, by the client alone. */
export async function measureRequests(options: BenchOptions): Promise<Figure[]> {
  const count = countOf(options);
  const place = async (): Promise<number[]> => {
    const prefix = `${randomUUID()}:`;
    const took = await ours(count, () => newTransport(prefix));
    await emptyServer();
    return took;
  };
  return compare({ name: 'redis', floor: 3 }, { bare: () => bare(count), ours: place }, options);
}

async function bare(count: number): Promise<number[]> {
  const [asker, inbox, reader, answerer] = await Promise.all([1, 2, 3, 4].map(() => bareClient()));
  if (!asker || !inbox || !reader || !answerer) throw new Error('no client');
  await asker.xgroup('CREATE', 'bare', 'g', '0', 'MKSTREAM');
  const waiting = new Map<number, () => void>();
  await inbox.subscribe('replies');
  inbox.on('message', (_, text) => {
    const { n } = JSON.parse(text) as { n: number };
    waiting.get(n)?.();
    waiting.delete(n);
  });
  let answered = 0;
  const reading = (async () => {
    while (answered < count) {
      const reply = (await reader.xreadgroup(
        ...(['GROUP', 'g', 'c', 'COUNT', 16, 'BLOCK', 500, 'STREAMS', 'bare', '>'] as const),
      )) as Reply | null;
      const entries = reply?.[0]?.[1] ?? [];
      for (const [, [, text = '']] of entries) void answerer.publish('replies', text);
      if (entries.length > 0) void answerer.xack('bare', 'g', ...entries.map(([id]) => id));
      answered += entries.length;
    }
  })();
  const took = await roundTripsOf(
    count,
    (n) =>
      new Promise<void>((resolve, reject) => {
        waiting.set(n, resolve);
        asker.xadd('bare', '*', 'd', JSON.stringify({ n })).catch(reject);
      }),
  );
  await reading;
  for (const client of [asker, inbox, reader, answerer]) client.disconnect();
  await emptyServer();
  return took;
}
