import { z } from 'zod';

import { loadSettings, settingsSchema, type SwitchyardSettings } from './exports/config.js';

/** The settings of the package, and those of the demonstration: a port, and a default name. */
export const configSchema = settingsSchema.extend({
  service: settingsSchema.shape.service.default('shop'),
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

/** How the demonstration reads its configuration. It serves the admin API, and hosts of applications set `PORT`. */
export const appConfig = {
  schema: configSchema,
  settings: { admin: {} },
  variables: { PORT: ['http', 'port'], DATA_DIR: ['dataDir'] },
} as const;

/** Reads the configuration of this process. */
export async function loadAppConfig(): Promise<AppConfig> {
  return loadSettings(appConfig);
}
