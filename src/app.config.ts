import { z } from 'zod';

import { readSettings } from './config/read-settings.js';
import { serviceSchema, settingsSchema } from './config/settings.schema.js';
import { machineSources, type SettingsSources } from './config/sources.js';
import type { SwitchyardSettings } from './config/switchyard-settings.js';

/** The settings of the package, and those of the demonstration: a port, and a default name. */
export const configSchema = settingsSchema.extend({
  service: serviceSchema.default('shop'),
  http: z
    .strictObject({
      port: z
        .number()
        .int()
        .min(0)
        .max(65_535)
        .describe('Where the application listens; 0 takes a free port.')
        .default(3_000),
    })
    .prefault({}),
});

/** The configuration of the demonstration: complete, checked and frozen. Directories are absolute. */
export type AppConfig = SwitchyardSettings & Pick<z.output<typeof configSchema>, 'http'>;

/** Short names: `PORT` is what hosts of applications set. */
const SHORT_NAMES = { PORT: ['http', 'port'], DATA_DIR: ['dataDir'] } as const;

/** Reads the configuration of this process; see {@link readSettings}. */
export async function loadAppConfig(): Promise<AppConfig> {
  return readAppConfig(await machineSources());
}

/** Reads the configuration from these sources; see {@link readSettings}. */
export function readAppConfig(sources: SettingsSources): AppConfig {
  return readSettings(configSchema, sources, SHORT_NAMES);
}
