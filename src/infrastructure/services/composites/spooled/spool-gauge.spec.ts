import { HandClock } from '../../../../../test/support/hand-clock.js';
import { memoryTransport } from '../../../../../test/support/messaging-app.js';
import type { Spool } from './spool.js';
import { SpoolGauge } from './spool-gauge.js';

const MIB = 1024 * 1024;

function setUp() {
  const clock = new HandClock();
  const state = { messages: 0, bytes: 0, oldestAgeMs: 0 };
  const spool = {
    lanes: {
      get total() {
        return state.messages;
      },
    },
    get oldestAgeMs() {
      return state.oldestAgeMs;
    },
  };
  const diskUse = (): object => ({ bytes: state.bytes, maxBytes: 100 * MIB });
  const gauge = new SpoolGauge({
    spools: [spool as Spool],
    transport: Object.assign(memoryTransport('disk'), { diskUse }),
    options: { maxMessages: 1_000, maxAgeMs: 60_000 },
    clock,
  });
  return { gauge, clock, state };
}

it('says when it will be full, by whatever fills first', async () => {
  const { gauge, clock, state } = setUp();
  expect(gauge.state()).not.toHaveProperty('fullInMs');
  gauge.turn(true);
  expect(gauge.state()).not.toHaveProperty('fullInMs');
  await clock.advance(10_000);
  state.messages = 100;
  expect(gauge.state()).toMatchObject({ messages: 100, fullInMs: 90_000 });
  gauge.turn(true); // a broker that was tried for long has failed as well
  expect(gauge.state()).toMatchObject({ fullInMs: 90_000 });
  state.bytes = 50 * MIB;
  expect(gauge.state()).toMatchObject({ disk: { bytes: 50 * MIB, maxBytes: 100 * MIB }, fullInMs: 10_000 });
  gauge.turn(false);
  expect(gauge.state()).not.toHaveProperty('fullInMs');
});

it.each([
  ['messages', { messages: 950 }, { messages: 949 }],
  ['bytes', { bytes: 95 * MIB }, { bytes: 95 * MIB - 1 }],
  ['age', { oldestAgeMs: 60_001 }, { oldestAgeMs: 60_000 }],
])('is nearly full by %s', (_, full, notYet) => {
  const { gauge, state } = setUp();
  Object.assign(state, notYet);
  expect(gauge.isNearlyFull).toBe(false);
  Object.assign(state, full);
  expect(gauge.isNearlyFull).toBe(true);
});
