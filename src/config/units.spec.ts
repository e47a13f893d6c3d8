import { formatDuration, formatSize, parseDuration, parseSize } from './units.js';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1.5s', 1_500],
    ['250', 250],
    ['0', 0],
    [' 10 s ', 10_000],
  ])('%j is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', 's', '-1s', '1 fortnight', '1s2', '1e3', '0x10', '5 MiB', '١s', `${'9'.repeat(40)}d`])(
    '%j is not one',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );
});

describe('sizes', () => {
  it.each([
    ['512MiB', 536_870_912],
    ['64KiB', 65_536],
    ['1GB', 1_000_000_000],
    ['10B', 10],
    ['10', 10],
    ['1mib', 1_048_576],
  ])('%j is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', 'MiB', '1 MiBs', '5m', 'constructor', '1toString'])('%j is not one', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );
});

it.each([0, 1, 999, 1_000, 60_000, 90_000, 86_400_000])('%d ms is written and parsed without loss', (ms) =>
  expect(parseDuration(formatDuration(ms))).toBe(ms),
);

it.each([0, 1, 1_023, 65_536, 1_000_000, 2 ** 30])('%d bytes are written and parsed without loss', (bytes) =>
  expect(parseSize(formatSize(bytes))).toBe(bytes),
);
