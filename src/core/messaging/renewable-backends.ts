import type { MessagingModuleOptions } from './messaging.options.js';

/** Transports and stores that belong together; spread it into the options of `MessagingModule.forRoot`. */
export interface MessagingBackends extends Pick<
  MessagingModuleOptions,
  'transports' | 'deadLetters' | 'control'
> {
  readonly idempotency: NonNullable<MessagingModuleOptions['idempotency']>;
  readonly transportEvents: NonNullable<MessagingModuleOptions['transportEvents']>;
}

/** Under which options carry how their backends are made again. */
const RENEWAL = Symbol('switchyard:renewal');

interface Renewal {
  readonly made: MessagingBackends;
  readonly make: () => MessagingBackends;
}

/** Renewals whose first backends serve an application. */
const used = new WeakSet<Renewal>();

/**
 * Backends of which every start of an application gets its own, because closed ones stay closed and a module of static
 * options can be started several times, also at the same time. The first start gets those that are returned.
 */
export function renewableBackends(make: () => MessagingBackends): MessagingBackends {
  const made = make();
  return Object.assign({ ...made }, { [RENEWAL]: { made, make } satisfies Renewal });
}

/** The options for one start. What the application has replaced in its backends stays as it is. */
export function optionsForStart(options: MessagingModuleOptions): MessagingModuleOptions {
  const renewal = (options as { readonly [RENEWAL]?: Renewal })[RENEWAL];
  if (renewal === undefined) return options;
  if (!used.has(renewal)) {
    used.add(renewal);
    return options;
  }
  const { made, make } = renewal;
  const again = Object.entries(make()).filter(
    ([name]) => options[name as keyof MessagingBackends] === made[name as keyof MessagingBackends],
  );
  return { ...options, ...Object.fromEntries(again) };
}
