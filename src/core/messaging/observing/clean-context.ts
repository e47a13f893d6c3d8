import { AsyncResource } from 'node:async_hooks';

// An AsyncResource and not AsyncLocalStorage.snapshot(), because that costs ten times as much a call.
// Made when the module is loaded, when nothing is stored yet. Only `create` runs in the first, so that nothing is ever
// stored in what new contexts are made from.
const empty = new AsyncResource('SwitchyardEmptyContext');
const observing = new AsyncResource('SwitchyardObservers');

const create = (): AsyncResource => new AsyncResource('SwitchyardDelivery', { requireManualDestroy: true });

/**
 * Runs a function where every `AsyncLocalStorage` is empty, also when a publisher, a timer or the end of a handler calls.
 * What the function enters (`enterWith`) is seen by what it starts and by nothing else.
 */
export function runClean(run: () => void): void {
  empty.runInAsyncScope(create).runInAsyncScope(run);
}

/** As {@link runClean}, but all runs share one context: cheap enough for every event. */
export function observeClean<TEvent>(observe: (event: TEvent) => void, event: TEvent): void {
  observing.runInAsyncScope(observe, undefined, event);
}
