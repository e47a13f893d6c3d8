import { JumpingClock } from '../../../testing/conformance/jumping-clock.js';
import { ManualClock } from '../../../testing/manual-clock.js';
import { SteadyClock } from './steady-clock.js';

const HOUR_MS = 3_600_000;

it('goes as the machine does', async () => {
  const machine = new ManualClock();
  await machine.advance(5);
  const clock = new SteadyClock(machine);
  await machine.advance(HOUR_MS);
  expect([clock.now(), clock.monotonic()]).toEqual([machine.now(), machine.monotonic()]);
});

it.each([HOUR_MS, -HOUR_MS])(
  'stays where it is when the clock of the machine is set by %s ms',
  async (ms) => {
    const manual = new ManualClock();
    const machine = new JumpingClock(manual);
    const clock = new SteadyClock(machine);
    machine.set(ms);
    await manual.advance(10);
    expect(clock.now()).toBe(manual.now());
  },
);
