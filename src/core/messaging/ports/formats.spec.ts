import { newerFormat } from './formats.js';

it.each([
  [2, 2],
  ['2', 2],
  [1_000, 1_000],
  [1, undefined],
  ['1', undefined],
  [0, undefined],
  [-3, undefined],
  [1.5, undefined],
  [1_001, undefined],
  ['02x', undefined],
  ['', undefined],
  [undefined, undefined],
  [null, undefined],
  [{}, undefined],
])('takes %j for format %j of a newer version when 1 is known', (written, format) => {
  expect(newerFormat(written, 1)).toBe(format);
});
