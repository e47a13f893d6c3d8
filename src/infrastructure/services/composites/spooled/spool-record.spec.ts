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

it.each([{}, { 'x-swy-spool': '{' }])('what no spool has written (%j) is not unwrapped', (headers) => {
  expect(unwrap({ ...message, headers })).toBeUndefined();
});
