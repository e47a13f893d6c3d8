import { MessagingError } from '../ports/errors.js';
import { ErrorDeduplicator } from './error-deduplicator.js';

function made(): { once: ErrorDeduplicator; told: string[]; trouble: (text: string) => void } {
  const told: string[] = [];
  const once = new ErrorDeduplicator(({ message }) => told.push(message));
  return { once, told, trouble: (text) => once.trouble(new MessagingError('CONFLICT', text)) };
}

describe('a trouble', () => {
  it('is reported once, also when another comes in between', () => {
    const { told, trouble } = made();
    for (const text of ['refused', 'gone', 'refused', 'gone']) trouble(text);
    expect(told).toEqual(['refused', 'gone']);
  });

  it('is reported again when it comes back after it was over', () => {
    const { once, told, trouble } = made();
    trouble('gone');
    once.over();
    trouble('gone');
    expect(told).toEqual(['gone', 'gone']);
  });

  it('takes no memory for ever when each one is different', () => {
    const { told, trouble } = made();
    for (let index = 0; index < 100; index += 1) trouble(`trouble ${index}`);
    trouble('trouble 0');
    expect(told).toHaveLength(101);
  });
});
