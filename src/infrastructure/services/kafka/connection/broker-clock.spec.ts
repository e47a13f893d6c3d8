import { BrokerClock } from './broker-clock.js';

function setUp() {
  let now = 1_000;
  const brokerClock = new BrokerClock({ monotonic: () => now });
  return { brokerClock, wait: (ms: number) => (now += ms) };
}

it('knows nothing at first, and takes a record for one that was just stored', () => {
  const { brokerClock } = setUp();
  for (const none of [-1, NaN]) brokerClock.seen(none);
  expect([brokerClock.isFresh, brokerClock.sinceMs(0)]).toEqual([false, 0]);
});

it('counts from the latest time that a broker has shown, however late an answer comes', () => {
  const { brokerClock, wait } = setUp();
  brokerClock.seen(500_000);
  wait(100);
  brokerClock.seen(500_020); // it took 80 ms longer to come
  expect(brokerClock.sinceMs(500_000)).toBe(100);
  brokerClock.seen(500_130);
  expect(brokerClock.sinceMs(500_000)).toBe(130);
});

it('forgets what it knew when the brokers run slower than this machine', () => {
  const { brokerClock, wait } = setUp();
  brokerClock.seen(500_000);
  wait(300_001);
  brokerClock.seen(799_000);
  expect(brokerClock.sinceMs(799_000)).toBe(1_001);
  wait(300_001);
  expect(brokerClock.isFresh).toBe(false);
  brokerClock.seen(1_099_000);
  expect(brokerClock.sinceMs(1_099_000)).toBe(1);
});
