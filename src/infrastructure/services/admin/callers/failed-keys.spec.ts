import { sameFormOf } from './client-address.js';
import { FailedKeys } from './failed-keys.js';

describe('the failed keys of an address', () => {
  it('block it after 20 in a minute, until the first of them is a minute old', () => {
    const failed = new FailedKeys();
    for (let n = 0; n < 20; n++) {
      expect(failed.blockedForMs('a', n * 100)).toBe(0);
      failed.add('a', n * 100);
    }
    expect(failed.blockedForMs('a', 2_000)).toBe(58_000);
    expect(failed.blockedForMs('b', 2_000)).toBe(0);
    expect(failed.blockedForMs('a', 59_999)).toBe(1);
    expect(failed.blockedForMs('a', 60_000)).toBe(0);
    failed.add('a', 60_000);
    expect(failed.blockedForMs('a', 60_001)).toBe(99);
  });

  it('are kept of 10,000 addresses, those that failed last', () => {
    const failed = new FailedKeys();
    for (let n = 0; n < 20; n++) failed.add('early', 0);
    for (let n = 0; n < 9_999; n++) failed.add(`address ${n}`, 1);
    expect(failed.blockedForMs('early', 2)).toBeGreaterThan(0);
    for (let n = 0; n < 100_000; n++) failed.add(`another ${n}`, 2);
    expect(failed.blockedForMs('early', 3)).toBe(0);
    expect(failed.addresses).toBe(10_000);
  });
});

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:5021', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', 'unknown'],
    ['unknown', 'unknown'],
    ['x'.repeat(100_000), 'unknown'],
  ])('%s counts as %s', (given, counted) => expect(sameFormOf(given)).toBe(counted));
});
