export {
  loadSettings,
  type LoadExtendedSettingsOptions,
  type LoadSettingsOptions,
  messagingConfig,
  type MessagingConfigOptions,
} from '../config/load-settings.js';
export type { SettingsInput, TransportInput } from '../config/settings-input.js';
export { settingsSchema } from '../config/settings.schema.js';
export type { AdminKey, SwitchyardSettings } from '../config/switchyard-settings.js';
