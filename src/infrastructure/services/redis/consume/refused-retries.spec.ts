import { ManualClock } from '../../../../exports/testing.js';
import { MessagingError, NotKeptError } from '../../../../core/messaging/ports/errors.js';
import type { RefusedMessage, Settlement } from '../../../../core/messaging/ports/transport.js';
import { InFlightEntry } from '../wire/stream-entry.js';
import { RefusedRetries } from './refused-retries.js';

const FIELDS = ['id', 'a', 'headers', '{}', 'body', 'b'].map((text) => Buffer.from(text));
const ITEM = new InFlightEntry({ source: 1, stream: 's', consumer: 'me' }, Buffer.from('1-1'), FIELDS, 1);
const RETRY: Settlement = { kind: 'retry', delayMs: 5, headers: { h: '1' } };
const error = new MessagingError('FORBIDDEN', 'no');

// Each wait is its whole step.
beforeEach(() => void jest.spyOn(Math, 'random').mockReturnValue(1));
afterEach(() => jest.restoreAllMocks());

function setUp(keepRefused?: (refused: RefusedMessage) => Promise<void>) {
  const clock = new ManualClock();
  const settled: Settlement[] = [];
  const failures: unknown[] = [];
  const retries = new RefusedRetries({
    to: { topic: 't', group: 'g' },
    context: { name: 'redis', clock, ...(keepRefused && { keepRefused }) },
    settle: (_, settlement) => settled.push(settlement),
    failed: (failure) => failures.push(failure),
  });
  return { clock, settled, failures, retries };
}

it('parks what is refused, also when that fails at first, and acknowledges it then', async () => {
  const kept: RefusedMessage[] = [];
  let isDown = true;
  const { clock, settled, failures, retries } = setUp(async (refused) => {
    if (isDown) throw new Error('down');
    kept.push(refused);
  });
  retries.add({ item: ITEM, settlement: RETRY }, { kind: 'refused', error });
  expect(retries.size).toBe(1);
  await clock.advance(10);
  expect(settled).toEqual([]);
  isDown = false;
  await clock.advance(100);
  await retries.idle();
  expect(settled).toEqual([{ kind: 'ack' }]);
  expect(kept).toEqual([
    {
      to: { topic: 't', group: 'g' },
      message: { id: 'a', headers: { h: '1' }, body: Buffer.from('b') },
      error,
      transport: 'redis',
      attempts: 2,
    },
  ]);
  expect(failures).toEqual([error, new Error('down')]);
  expect(retries.size).toBe(0);
});

it.each([
  ['is not refused permanently', 'unavailable', RETRY, true],
  ['is an acknowledgement', 'refused', { kind: 'ack' }, true],
  ['cannot be parked', 'refused', RETRY, false],
] as const)('repeats after a pause what %s', async (_, kind, settlement, canPark) => {
  const { clock, settled, retries } = setUp(
    canPark ? () => Promise.reject(new Error('not asked')) : undefined,
  );
  retries.add({ item: ITEM, settlement }, { kind, error });
  await clock.advance(100);
  expect(settled).toEqual([]);
  await clock.advance(200);
  expect(settled).toEqual([settlement]);
});

it('ends the repetitions when it is closed', async () => {
  const { clock, settled, retries } = setUp(() => Promise.reject(new Error('down')));
  retries.add({ item: ITEM, settlement: RETRY }, { kind: 'refused', error });
  retries.close();
  await clock.advance(5_000);
  await retries.idle();
  expect(settled).toEqual([]);
});

it('waits for as long as the store of dead letters says, and no longer than it is open', async () => {
  const full = new NotKeptError(new MessagingError('STORE_FULL', 'full'), 300_000);
  const { clock, failures, retries } = setUp(() => Promise.reject(full));
  retries.add({ item: ITEM, settlement: RETRY }, { kind: 'refused', error });
  await clock.advance(299_000);
  expect(failures).toEqual([error, full]);
  await clock.advance(2_000);
  expect(failures).toEqual([error, full, full]);
  retries.close();
  await clock.advance(1_000);
  await retries.idle();
});
