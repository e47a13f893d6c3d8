import { z } from 'zod';

import { loadSettings, settingsSchema, type SwitchyardSettings } from './exports/config.js';

/** The settings of the package, and those of the demonstration: an address with a port, and a default name. */
export const configSchema = settingsSchema.extend({
  service: settingsSchema.shape.service.default('shop'),
  http: z
    .strictObject({
      host: z
        .string()
        .regex(/^[\w.:-]{1,255}$/, 'must be an address or a host name')
        .describe(
          'Address to listen on. `0.0.0.0` takes requests from other machines, which need no key to place orders.',
        )
        .default('127.0.0.1'),
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
