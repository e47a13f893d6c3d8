import type { MessageContext } from '../message/message-context.js';
import type { AroundFunction } from '../message/seam.js';
import { runToEnd } from './run-to-end.js';

type Invoke = (payload: unknown, context: MessageContext) => unknown;

/** The first is outermost. Without any it is the function itself, which costs nothing. */
export function wrapInvoke(invoke: Invoke, arounds: readonly AroundFunction[]): Invoke {
  return arounds.reduceRight<Invoke>(
    (inner, around) => async (payload, context) => {
      let wasCalled = false;
      return around(context, async () => {
        if (wasCalled) throw new Error('next() of a function in around was called a second time.');
        wasCalled = true;
        return runToEnd(inner(payload, context), context);
      });
    },
    invoke,
  );
}
