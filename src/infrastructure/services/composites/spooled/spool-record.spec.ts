import { unwrap, wrap } from './spool-record.js';

const address = { to: { topic: 't', group: 'g' }, key: 'k', dueAt: 5, run: 'r' };
const message = {
  id: 'i',
  key: 'k',
  headers: { tenant: 'a', 'x-swy-history': '1@1:E' },
  body: Buffer.from('b'),
};

it('a spooled message comes back as it was published', () => {
  expect(unwrap(wrap(message, 'lane', address))).toEqual({ message, address });
});

it('what an earlier version has spooled comes back as well', () => {
  const headers = { ...message.headers, 'spool:': JSON.stringify(address) };
  expect(unwrap({ ...message, key: 'lane', headers })).toEqual({ message, address });
});

it('a time with a fraction, as an earlier version wrote it, is rounded up', () => {
  const { address: read } = unwrap(wrap(message, 'lane', { ...address, dueAt: 5.2 })) ?? {};
  expect(read).toEqual({ ...address, dueAt: 6 });
});

const spooled = (found: unknown) => ({ 'x-swy-spool': JSON.stringify(found) });

it.each([
  {},
  { 'x-swy-spool': '{' },
  ...[null, 7, [], {}, { to: 't' }, { to: { topic: '../x' } }, { to: { topic: 't', group: 7 } }].map(spooled),
  spooled({ ...address, key: 7 }),
  spooled({ ...address, dueAt: 'soon' }),
])('what cannot be read (%j) is not unwrapped', (headers) => {
  expect(unwrap({ ...message, headers })).toBeUndefined();
});
