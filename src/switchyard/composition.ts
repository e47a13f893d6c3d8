import { readSettings } from '../config/read-settings.js';
import { settingsSchema } from '../config/settings.schema.js';
import { codeSources } from '../config/sources.js';
import type { SwitchyardSettings } from '../config/switchyard-settings.js';
import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import { OwnLogger } from '../core/messaging/observing/own-logger.js';
import { systemClock } from '../core/messaging/ports/clock.js';
import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { type Backends, makeBackends } from './backends.js';
import { problemsOfClients } from './clients.js';
import { type SplitOptions, splitOptions } from './code-options.js';
import type { Drivers } from './drivers.js';

/** The options of the core, and what they were made from. */
export interface Composition {
  /** Undefined when there are mistakes; the core reports them, together with those of handlers. */
  readonly settings: SwitchyardSettings | undefined;
  readonly options: MessagingModuleOptions;
}

/** Where options come from, for sentences. */
const SOURCE = 'the options of SwitchyardModule';

/**
 * Makes the options of the core from those of the application: checks them, loads the clients that they need and makes
 * transports and stores. Connects nothing.
 *
 * @param problems of the modules themselves, which are reported with those of the options.
 */
export async function compose(
  given: unknown,
  drivers: Drivers,
  problems: readonly string[],
): Promise<Composition> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return invalid([...problems, notOptions(given)]);
  const split = splitOptions(given as Record<string, unknown>);
  const clock = split.code.clock ?? systemClock;
  const found = [...problems, ...split.problems];
  let settings: SwitchyardSettings;
  try {
    settings = read(split);
  } catch (error) {
    const { problems: more } = configurationError(error);
    return invalid([...found, ...more, ...(await problemsOfClients(split.settings, drivers))]);
  }
  if (found.length > 0) return invalid([...found, ...(await problemsOfClients(settings, drivers))]);
  try {
    const logger = new OwnLogger('Messaging');
    for (const sentence of settings.permittedInsecurities) logger.warn(sentence);
    return { settings, options: coreOptions(settings, split, await makeBackends(settings, drivers, clock)) };
  } catch (error) {
    return invalid(configurationError(error).problems);
  }
}

/** What an options factory has thrown, when it was about settings; `loadSettings` throws that. */
export function composedOf(error: unknown): Composition {
  return invalid(configurationError(error).problems);
}

/** @throws any other error */
function configurationError(error: unknown): MessagingConfigurationError {
  if (error instanceof MessagingConfigurationError) return error;
  throw error;
}

function read({ settings }: SplitOptions): SwitchyardSettings {
  return readSettings(settingsSchema, codeSources(settings));
}

function coreOptions(
  settings: SwitchyardSettings,
  { code, errors }: SplitOptions,
  backends: Backends,
): MessagingModuleOptions {
  const { service, routes, drain, connect } = settings;
  const { publishDeadlineMs, maxInFlight, maxInFlightBytes, maxRequestsInFlight } = settings;
  const { drainTimeoutMs, drainSignal, limits, defaults, globalEnhancers, registerHandlers } = settings;
  return {
    ...{ service, routes, drain, connect },
    ...{ publishDeadlineMs, maxInFlight, maxInFlightBytes, maxRequestsInFlight },
    ...{ drainTimeoutMs, limits, globalEnhancers, registerHandlers },
    ...(drainSignal && { drainSignal }),
    defaults: { ...defaults, ...(errors && { errors }) },
    deadLetterLimits: settings.deadLetters,
    redaction: settings.redaction,
    ...code,
    ...backends,
  };
}

function notOptions(given: unknown): string {
  const found = given === null ? 'null' : Array.isArray(given) ? 'a list' : typeof given;
  const hint =
    given === undefined
      ? ' A useFactory must return them, and a ConfigService returns undefined for a key that it does not have.'
      : '';
  return `${SOURCE} are ${found}. Give an object, at least { service: 'name-of-the-application' }.${hint}`;
}

/** Options with which the core starts nothing but reports the problems. */
function invalid(problems: readonly string[]): Composition {
  const nothing = { connect: () => Promise.resolve(), close: () => Promise.resolve() };
  const deadLetters = nothing as unknown as MessagingModuleOptions['deadLetters'];
  return { settings: undefined, options: { service: 'invalid', transports: [], deadLetters, problems } };
}
