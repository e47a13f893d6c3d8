import { InvalidMessageError } from '../../core/messaging/index.js';

/** What one segment of a topic may be. */
const SEGMENT = /^[A-Za-z0-9_-]+$/;
/** As the names of topics, without a look at their length: that is checked with the topic. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * The topic of a pattern of `@nestjs/microservices`: a text is its own topic, and `{ cmd: 'sum' }` is `cmd.sum`. Keys of an
 * object are sorted, so that `{ cmd, v }` and `{ v, cmd }` are one.
 *
 * @throws InvalidMessageError `TOPIC_INVALID` for a pattern that stands for no topic: it is nested, or a part of it has
 *   other characters than letters, digits, `-` and `_`.
 */
export function topicOf(pattern: unknown): string {
  const topic = topicOrUndefined(pattern);
  if (topic !== undefined) return topic;
  throw new InvalidMessageError(
    'TOPIC_INVALID',
    `The pattern ${shownPattern(pattern)} stands for no topic. Use text such as "orders.placed", or an object of names such as { cmd: 'sum' }, whose topic is cmd.sum; topicOf(pattern) of switchyard/microservices says which topic a pattern has.`,
  );
}

/** As {@link topicOf}, undefined where there is none. */
export function topicOrUndefined(pattern: unknown): string | undefined {
  if (typeof pattern === 'number') return topicOrUndefined(String(pattern));
  if (typeof pattern === 'string') return ofText(pattern);
  if (typeof pattern !== 'object' || pattern === null) return undefined;
  const parts = Object.keys(pattern)
    .sort()
    .flatMap((key) => [key, (pattern as Readonly<Record<string, unknown>>)[key]]);
  const areNames = parts.length > 0 && parts.every((part) => SEGMENT.test(textOf(part)));
  return areNames ? parts.map(textOf).join('.') : undefined;
}

/**
 * A pattern with wildcards in the words of this package: `#` of RabbitMQ is `**`. Undefined for a pattern without any.
 */
export function wildcardOf(pattern: unknown): string | RegExp | undefined {
  if (pattern instanceof RegExp) return pattern;
  if (typeof pattern !== 'string' || !/[*#]/.test(pattern)) return undefined;
  return pattern
    .split('.')
    .map((segment) => (segment === '#' ? '**' : segment))
    .join('.');
}

/** A pattern in a sentence, bounded. */
export function shownPattern(pattern: unknown): string {
  if (typeof pattern === 'string') return JSON.stringify(pattern.slice(0, 100));
  try {
    return (JSON.stringify(pattern) as string | undefined)?.slice(0, 100) ?? typeof pattern;
  } catch {
    return 'an object that cannot be shown';
  }
}

/** Of an object that Nest has made a text of, as it gives it to servers: with sorted keys. */
function ofText(pattern: string): string | undefined {
  if (NAME.test(pattern)) return pattern;
  if (!pattern.startsWith('{')) return undefined;
  try {
    return topicOrUndefined(JSON.parse(pattern) as unknown);
  } catch {
    return undefined;
  }
}

function textOf(part: unknown): string {
  return typeof part === 'string' || typeof part === 'number' ? String(part) : '';
}
