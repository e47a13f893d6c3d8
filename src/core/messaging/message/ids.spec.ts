import { uuidV7 } from './ids.js';

it('makes ids of version 7 and variant 10', () => {
  for (let index = 0; index < 1_000; index++) {
    expect(uuidV7()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

it('carries the time in the first 48 bits', () => {
  expect(uuidV7(0x0123456789ab).slice(0, 13)).toBe('01234567-89ab');
});

it('sorts ids of later milliseconds after earlier ones', () => {
  expect(uuidV7(1_000) < uuidV7(1_001)).toBe(true);
});

it('makes no id twice across refills of its random pool', () => {
  const ids = new Set(Array.from({ length: 50_000 }, () => uuidV7(1)));
  expect(ids.size).toBe(50_000);
});
