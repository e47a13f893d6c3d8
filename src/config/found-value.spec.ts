import { foundValue, shownName } from './found-value.js';
import type { ValueShape } from './shape.js';

const TEXT: ValueShape = { kind: 'value', type: 'text' };
const NUMBER: ValueShape = { kind: 'value', type: 'number' };
const DURATION: ValueShape = { kind: 'value', type: 'duration' };
const CHOICE: ValueShape = { kind: 'value', type: 'choice', choices: ['required', 'background'] };

describe('A value that is not allowed', () => {
  it.each([
    ['10x', DURATION, '"10x"'],
    ['70000', NUMBER, '"70000"'],
    [70_000, NUMBER, '70000'],
    [Number.NaN, NUMBER, 'NaN'],
    ['requierd', CHOICE, '"requierd"'],
    ['maybe', CHOICE, '"maybe"'],
    [true, TEXT, 'true'],
    [['S3CR3T'], TEXT, 'a list'],
    [{ S3CR3T: 1 }, TEXT, 'a group of keys'],
  ])('is shown when it resembles one that is: %j', (value, shape, found) => {
    expect(foundValue(value, shape, false)).toBe(found);
  });

  it.each([
    ['S3CR3T', TEXT],
    ['S3CR3T', NUMBER],
    ['S3CR3T', CHOICE],
    ['maybe', TEXT],
    ['correct-horse', CHOICE],
    ['8273645182', DURATION],
    [8_273_645_182, NUMBER],
    ['amqp://user:S3CR3T@host', TEXT],
    [8n, TEXT],
  ])('is not shown when it may be a secret: %s', (value, shape) => {
    expect(foundValue(value, shape, false)).toBe('not valid (value not shown)');
  });

  it.each([10, '10x', 'requierd', false])('is not shown where a secret belongs: %s', (value) => {
    expect(foundValue(value, CHOICE, true)).toBe('not valid (value not shown)');
  });

  it('of names is shown when it is close to one that exists', () => {
    expect(shownName('locl', ['local', 'main'])).toBe('"locl"');
    expect(shownName('S3CR3T', ['local', 'main'])).toBeUndefined();
  });
});
