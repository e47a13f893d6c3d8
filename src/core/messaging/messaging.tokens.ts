/** Injects the `MessagingModuleOptions` as given. */
export const MESSAGING_OPTIONS = Symbol('switchyard:options');

/** Injects the `MessagingModuleExtras`. */
export const MESSAGING_EXTRAS = Symbol('switchyard:extras');
