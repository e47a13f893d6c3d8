import { InterruptionWatch } from './interruption-watch.js';

/** A watch that looks every second, with what it has told. */
function setUp() {
  let now = 0;
  let due: (() => void) | undefined;
  const told: string[] = [];
  const clock = {
    monotonic: () => now,
    schedule: (_: number, callback: () => void) => {
      due = callback;
      return () => (due = undefined);
    },
  };
  const watch = new InterruptionWatch(clock, {
    interrupted: (error) => told.push(`${now / 1_000} ${error?.message}`),
    reading: () => told.push(`${now / 1_000} well`),
  });
  /** Lets so many seconds pass; `each` happens before every look. */
  const pass = (seconds: number, each = (): void => undefined): string[] => {
    told.length = 0;
    for (let second = 0; second < seconds; second += 1) {
      now += 1_000;
      each();
      due?.();
    }
    return [...told];
  };
  const jump = (ms: number): void => void (now += ms);
  watch.start();
  return { watch, pass, jump, isWatching: () => due !== undefined };
}

it('reports a reader that has read nothing for 8 s, and that it reads again', () => {
  const { watch, pass } = setUp();
  expect(pass(5, () => watch.read())).toHaveLength(5);
  pass(2); // the last requests may still be under way
  expect(pass(9)).toEqual(['16 undefined']);
  expect(pass(3, () => watch.read())).toEqual(['17 well', '18 well', '19 well']);
});

it('reports one that has failed sooner, with the reason', () => {
  const { watch, pass } = setUp();
  pass(3, () => watch.read());
  watch.failed(new Error('forbidden'));
  expect(pass(5)).toEqual(['8 forbidden']);
});

it('does not take one for well that reads for a moment between failures', () => {
  const { watch, pass } = setUp();
  const failing = (): void => {
    watch.read();
    watch.failed(new Error('gone'));
  };
  expect(pass(7, failing)).toEqual(['5 gone', '6 gone', '7 gone']);
  expect(pass(4, () => watch.read())).toEqual(['8 gone', '9 gone', '10 well', '11 well']);
});

it('changes the reason when another one comes twice, not for one that alternates', () => {
  const { watch, pass } = setUp();
  watch.failed(new Error('a'));
  let nth = 0;
  const told = pass(8, () => watch.failed(new Error('ba'[nth++ % 2])));
  expect(new Set(told.map((text) => text.split(' ')[1]))).toEqual(new Set(['a']));
  expect(pass(2, () => watch.failed(new Error('c'))).at(-1)).toBe('10 c');
});

it('forgives what a process could not do that had no turn', () => {
  const { watch, pass, jump } = setUp();
  pass(1, () => watch.read());
  jump(60_000);
  expect(pass(8)).toEqual([]);
  expect(pass(2)).toEqual(['71 undefined']);
});

it('looks no more when it is ended, and solves what it has reported', () => {
  const { watch, pass, isWatching } = setUp();
  expect(pass(9)).toHaveLength(1);
  watch.end();
  watch.end();
  expect(isWatching()).toBe(false);
});
