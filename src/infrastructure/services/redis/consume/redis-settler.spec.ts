import type { Settlement } from '../../../../core/messaging/ports/transport.js';
import { InFlightEntry, type Source } from '../wire/stream-entry.js';
import { plainAcknowledgements, RedisSettler, settlementArguments } from './redis-settler.js';

const ACK: Settlement = { kind: 'ack' };
const RETRY: Settlement = { kind: 'retry', delayMs: 1.2 };

function entry(
  id: string,
  {
    source = 1,
    body = 'b',
    crashes = 0,
    more = [],
  }: {
    readonly source?: Source;
    readonly body?: string;
    readonly crashes?: number;
    readonly more?: readonly string[];
  } = {},
): InFlightEntry {
  const fields = ['id', `m-${id}`, 'headers', '{"h":"1"}', 'body', body, ...more];
  return new InFlightEntry(
    { source, stream: 's', consumer: 'me' },
    Buffer.from(id),
    fields.map((field) => Buffer.from(field)),
    crashes,
  );
}

const idsOf = (batch: ReturnType<RedisSettler['next']>) => batch?.settled.map(({ item }) => item.entryId);

describe('the queue of settlements', () => {
  it('repeats a batch as it was, under its number, before what was added meanwhile', async () => {
    const settler = new RedisSettler();
    settler.add(entry('1-1'), RETRY);
    const first = settler.next();
    settler.add(entry('1-2'), ACK);
    expect(settler.next()).toBeUndefined();
    expect(await settler.repeat()).toEqual([]);
    const again = settler.next();
    expect(again).toEqual({ number: first?.number, settled: first?.settled });
    expect(settler.unconfirmed).toBe(2);
    settler.confirm();
    const second = settler.next();
    expect([idsOf(second), second?.number]).toEqual([['1-2'], 2]);
    const idle = settler.idle();
    settler.confirm();
    await idle;
  });

  it('drops what waits to be repeated when it is closed', async () => {
    const settler = new RedisSettler();
    settler.add(entry('1-1'), ACK);
    settler.next();
    const repeated = settler.repeat();
    settler.close();
    expect((await repeated).map(({ item }) => item.entryId)).toEqual(['1-1']);
    expect(settler.unconfirmed).toBe(0);
  });

  it('bounds the bytes of a batch by the bodies of its retries, and sends a larger one alone', () => {
    const settler = new RedisSettler();
    const body = 'x'.repeat(600 * 1024);
    settler.add(entry('1-1', { body }), ACK);
    settler.add(entry('1-2', { body }), RETRY);
    settler.add(entry('1-3', { body }), RETRY);
    for (const ids of [['1-1'], ['1-2'], ['1-3']]) {
      expect(idsOf(settler.next())).toEqual(ids);
      settler.confirm();
    }
  });
});

describe('the arguments of a settlement', () => {
  it('hold the whole message of a retry, in whole milliseconds, with the number of its next attempt', () => {
    const item = entry('1-1', { source: 2, crashes: 1, more: ['key', 'k', 'attempt', '3'] });
    const settlement: Settlement = { kind: 'retry', delayMs: 1.2, headers: { h: '2' } };
    expect(settlementArguments([{ item, settlement }]).map(String)).toEqual([
      '2',
      '1-1',
      '=k',
      '1',
      '2',
      '5',
      'm-1-1',
      '{"h":"2"}',
      'b',
      '=k',
    ]);
  });

  it('keep the number of an attempt that is not counted', () => {
    const item = entry('1-1', { source: 2, more: ['attempt', '3'] });
    const settlement: Settlement = { kind: 'retry', delayMs: 0, countsAttempt: false };
    expect(settlementArguments([{ item, settlement }])[5]).toBe(3);
  });

  it('are few for an acknowledgement, and none where XACK is enough', () => {
    const item = entry('1-1');
    expect(settlementArguments([{ item, settlement: ACK }])).toEqual([1, '1-1', '', 0, '']);
    expect(plainAcknowledgements([{ item, settlement: ACK }], true)).toEqual(['1-1']);
    const keyed = entry('1-2', { more: ['key', 'k'] });
    expect(plainAcknowledgements([{ item: keyed, settlement: ACK }], true)).toBeUndefined();
    expect(plainAcknowledgements([{ item: keyed, settlement: ACK }], false)).toEqual(['1-2']);
  });
});
