import { ALL_TABLES, rightTableName } from './table-names.js';

it('a name with any one bit turned, also of the zero behind it, is found again, and no other is', () => {
  for (const name of ALL_TABLES) {
    const whole = Buffer.from(`${name}\0`);
    for (let bit = 0; bit < 8 * whole.length; bit += 1) {
      const turned = Buffer.from(whole);
      turned[bit >> 3]! ^= 1 << (bit & 7);
      expect(rightTableName(turned.toString('latin1').replace(/\0$/, ''))).toBe(name);
    }
  }
  expect(rightTableName('orders')).toBeUndefined();
});
