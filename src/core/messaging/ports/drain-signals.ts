/** Signals that Node leaves to the application. */
export const DRAIN_SIGNALS = ['SIGUSR2', 'SIGHUP'] as const;
export type DrainSignal = (typeof DRAIN_SIGNALS)[number];
