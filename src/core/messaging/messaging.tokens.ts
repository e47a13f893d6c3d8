/** Injects the `MessagingModuleOptions` as given. */
export const MESSAGING_OPTIONS = Symbol('switchyard:options');

/** Injects the `MessagingModuleExtras`. */
export const MESSAGING_EXTRAS = Symbol('switchyard:extras');

/** Injects the `DeadLetterStore`. */
export const DEAD_LETTER_STORE = Symbol('switchyard:dead-letter-store');

/** Injects the `ControlStore`. */
export const CONTROL_STORE = Symbol('switchyard:control-store');

/** Injects the `IntakeDrain`. */
export const INTAKE_DRAIN = Symbol('switchyard:intake-drain');

/** Injects the `DeadLetterLimits`. */
export const DEAD_LETTER_LIMITS = Symbol('switchyard:dead-letter-limits');

/** Injects the `ReplayPublisher`. */
export const REPLAY_PUBLISHER = Symbol('switchyard:replay-publisher');

/** Injects the function `(event: MessagingEvent) => void` that emits to every observer. It never throws. */
export const MESSAGING_EMIT = Symbol('switchyard:emit');

/** Injects the `Clock`. */
export const MESSAGING_CLOCK = Symbol('switchyard:clock');

/**
 * Injects `() => Promise<void>`, which ends intake and waits for running handlers, as the shutdown of the application does. For
 * what closes before that begins; further calls wait for the first.
 */
export const MESSAGING_DRAIN = Symbol('switchyard:drain');
