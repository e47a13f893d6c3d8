import { disorderOf, type KeyStep } from './key-order.js';

const STRIDE = 12;

/** `A0` is begun and ended by process 0, `a0` only begun. `A0!` is a second attempt; `x` kills process 0. */
function history(text: string) {
  const steps: KeyStep[] = [];
  const killedAt: (bigint | undefined)[] = [undefined, undefined];
  let at = 0n;
  for (const word of text.split(' ')) {
    at += 10n;
    if (word === 'x') {
      killedAt[0] = at;
      continue;
    }
    const [, deadLetter = '', number = '', again] = /^([A-Ba-b])(\d+)(!?)$/.exec(word) ?? [];
    const by = deadLetter.toLowerCase() === 'a' ? 0 : 1;
    const step = { key: 'k', nth: Number(number) * STRIDE, attempt: again === '!' ? 2 : 1, by };
    steps.push({ ...step, what: 'begin', at });
    if (deadLetter === deadLetter.toUpperCase()) steps.push({ ...step, what: 'end', at: at + 1n });
  }
  return { steps, stride: STRIDE, killedAt };
}

it.each([
  ['one process', 'A0 A1 A2'],
  ['a key that changes hands', 'A0 A1 B2 B3 A4'],
  ['what a dead process had in hand comes again', 'A0 a1 x B1! B2'],
  [
    'what a dead process had handled, and nobody knew of, comes again before what it had in hand',
    'A0 A1 a2 x B1! B2! B3',
  ],
  ['everything comes again', 'A0 A1 a2 x B0! B1! B2! B3'],
  ['what comes again without an attempt that counts', 'A0 a1 x B1 B2'],
])('accepts: %s', (_, text) => {
  expect(disorderOf(history(text))).toEqual([]);
});

it.each([
  ['a later one first', 'A1 A0', 'after 12'],
  ['one is left out', 'A0 A2', 'after 0'],
  ['one is left out when the key changes hands', 'A0 B2', 'leaves out what comes after 0'],
  ['one is left out after a repeat', 'A0 A1 a2 x B0! B2! B3', 'after 0'],
  ['two at a time', 'A0 a1 a2', 'while it has 12 in hand'],
  ['in hand at two processes', 'A0 a1 B2', 'while process 0 has 12 in hand'],
  ['again from a process that is alive', 'A0 A1 B1 B2', 'although process 0 is alive'],
  ['back to before what the dead process had', 'B0 A1 a2 x B0! B1! B2!', 'although process 1 is alive'],
  ['twice from one process', 'A0 A1 A1!', 'after 12'],
])('notices: %s', (_, text, said) => {
  expect(disorderOf(history(text)).join('\n')).toContain(said);
});
