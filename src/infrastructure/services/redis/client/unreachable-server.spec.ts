import { reasonOf } from './redis-errors.js';

const coded = (code: string): Error => Object.assign(new Error('x'), { code });

it.each([
  ['a code of the system', coded('ECONNREFUSED'), ' (ECONNREFUSED)'],
  [
    'the last node of a cluster',
    Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: coded('CERT_HAS_EXPIRED') }),
    ' (CERT_HAS_EXPIRED)',
  ],
  [
    'what a sentinel said',
    new Error(
      'All sentinels are unreachable. Retrying from scratch after 50ms. Last error: certificate has expired',
    ),
    ': no sentinel knows a reachable primary (certificate has expired)',
  ],
  [
    'sentinels that say nothing',
    new Error(
      'All sentinels are unreachable. Retrying from scratch after 50ms. Last error: Connection is closed.',
    ),
    ': no sentinel knows a reachable primary',
  ],
  ['nothing that helps', new Error('Connection is closed.'), ''],
])('names %s', (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
