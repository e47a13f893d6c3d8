import { isObservable, type Observable } from 'rxjs';
import type { MessageContext } from '../message/message-context.js';

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Whether there is more to a handler's result than its value: a promise, an Observable, or an iterator such as a running generator. */
export function isUnfinished(result: unknown): result is object {
  return typeof result === 'object' && result !== null && (isThenable(result) || hasMore(result));
}

/**
 * Runs what a handler returned to its end, one inside the other, and resolves to the last value. Where the message's
 * signal aborts, an Observable is unsubscribed and an iterator is not continued.
 *
 * @param context of the message, for its signal.
 */
export async function runToEnd(result: unknown, context: MessageContext | undefined): Promise<unknown> {
  const value = await result;
  if (typeof value !== 'object' || value === null || !hasMore(value)) return value;
  return runToEnd(await (isObservable(value) ? lastOf(value, context) : exhaust(value, context)), context);
}

function hasMore(value: object): value is Observable<unknown> | AnyIterator {
  return isObservable(value) || isIterator(value);
}

function isThenable(value: object): boolean {
  return typeof (value as { then?: unknown }).then === 'function';
}

/** An iterator and not merely an iterable: an array that a handler returns is a value. */
function isIterator(value: object): value is AnyIterator {
  const { next } = value as { next?: unknown };
  return typeof next === 'function' && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/** As `lastValueFrom`, but an Observable without a value is no error, and it ends with the message. */
function lastOf(values: Observable<unknown>, context: MessageContext | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const subscription = values.subscribe({
      next: (value) => (last = value),
      error: reject,
      complete: () => resolve(last),
    });
    if (!subscription.closed)
      context?.signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  });
}

async function exhaust(iterator: AnyIterator, context: MessageContext | undefined): Promise<unknown> {
  let step = await iterator.next();
  while (!step.done) {
    await step.value;
    if (context?.signal.aborted) return iterator.return?.();
    step = await iterator.next();
  }
  return step.value;
}
