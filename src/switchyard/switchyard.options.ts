import type { SettingsInput } from '../config/settings-input.js';
import type { SwitchyardSettings } from '../config/switchyard-settings.js';
import type { MessagingModuleOptions } from '../core/messaging/messaging.options.js';
import type { ErrorRule } from '../core/messaging/retry-policy.js';

/** Options of the core that are not values, which only code can give. */
export type CodeOptions = Omit<
  MessagingModuleOptions,
  keyof SwitchyardSettings | 'transportEvents' | 'problems' | 'deadLetterLimits'
>;

/**
 * What `SwitchyardModule.forRoot` takes and `forRootAsync` computes: the keys of the configuration file and of the
 * environment, and what only code can give. `admin`, `health` and `metrics` are checked and provided as
 * {@link SWITCHYARD_SETTINGS}; what they switch on are modules of their own.
 */
export type SwitchyardOptions = Omit<SettingsInput, 'defaults'> &
  CodeOptions & {
    /** Settings of handlers that set none of their own. */
    readonly defaults?: SettingsInput['defaults'] & {
      /** Tried after the handler's own rules. */
      readonly errors?: readonly ErrorRule[];
    };
  };

/** Computes the options: `useClass` and `useExisting` name a provider that implements it. */
export interface SwitchyardOptionsFactory {
  createSwitchyardOptions(): SwitchyardOptions | Promise<SwitchyardOptions>;
}

/** Injects the `SwitchyardSettings`: the options, complete and checked. */
export const SWITCHYARD_SETTINGS = Symbol('switchyard:settings');
