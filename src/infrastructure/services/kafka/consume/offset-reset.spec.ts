import { type OnOffsetLost, resetOf } from './offset-reset.js';

const LOG = { low: 10, high: 50 };

it.each([10, 30, 50])('%i is in the log, or just behind it', (from) => {
  for (const policy of ['earliest', 'latest', 'stop'] as const)
    expect(resetOf(from, LOG, policy)).toBeUndefined();
});

it.each<[OnOffsetLost, number, object]>([
  ['earliest', 4, { cause: 'before_start', to: 10, removed: 6, skipped: 0 }],
  ['latest', 4, { cause: 'before_start', to: 50, removed: 6, skipped: 40 }],
  ['stop', 4, { cause: 'before_start', to: undefined, removed: 6, skipped: 0 }],
  ['earliest', 51, { cause: 'beyond_end', to: 10, removed: 0, skipped: 0 }],
  ['latest', 51, { cause: 'beyond_end', to: 50, removed: 0, skipped: 40 }],
  ['stop', 51, { cause: 'beyond_end', to: undefined, removed: 0, skipped: 0 }],
])('%s: a group at %i continues at its place, with counts', (policy, from, reset) => {
  expect(resetOf(from, LOG, policy)).toEqual({ from, ...reset });
});
