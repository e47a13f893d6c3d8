import { z } from 'zod';

import { sourcesOf } from '../../test/support/load-config.js';
import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { readSettings } from './read-settings.js';
import { settingsSchema } from './settings.schema.js';
import type { SettingsSources } from './sources.js';
import { loadYamlReader } from './yaml-source.js';

const extended = settingsSchema.extend({
  shop: z.strictObject({ tills: z.number().int().default(1) }).prefault({}),
});

const problemsOf = (sources: SettingsSources): readonly string[] => {
  try {
    readSettings(settingsSchema, sources);
  } catch (error) {
    if (error instanceof MessagingConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

describe('the settings of the package', () => {
  it('need only a name', () => {
    expect(problemsOf(sourcesOf({}))).toEqual([expect.stringMatching(/^service is missing\. Allowed: /)]);
    expect(problemsOf(sourcesOf({ file: 'service: shop' }))).toEqual([]);
  });

  it('have no keys and no variables of the demonstration', () => {
    const env = { PORT: '1', DATA_DIR: '/a', SWITCHYARD_SERVICE: 'shop' };
    const settings = readSettings(settingsSchema, sourcesOf({ env }));
    expect(settings.dataDir).not.toBe('/a');
    expect(settings).not.toHaveProperty('http');
    expect(problemsOf(sourcesOf({ file: 'service: shop\nhttp: {port: 1}' }))).toEqual([
      expect.stringContaining('http (config/switchyard.yaml line 2) is not a known key.'),
    ]);
  });

  it('take keys and short names of an application', () => {
    const given = { file: 'service: shop', env: { TILLS: '2' } };
    const { shop } = readSettings(extended, sourcesOf(given), { TILLS: ['shop', 'tills'] });
    expect(shop).toEqual({ tills: 2 });
    const longer = { ...given, env: { TILLS: '2', SWITCHYARD_SHOP__TILLS: '3' } };
    expect(readSettings(extended, sourcesOf(longer), { TILLS: ['shop', 'tills'] }).shop.tills).toBe(3);
  });

  it('name the package yaml when a text needs it, and need it for nothing else', async () => {
    const readYaml = await loadYamlReader(() => Promise.reject(new Error('missing')));
    const missing = 'reading YAML needs the package "yaml", which cannot be loaded.';
    const env = { SWITCHYARD_SERVICE: 'shop', SWITCHYARD_DRAIN: '[local]' };
    expect(problemsOf({ ...sourcesOf({ file: 'service: shop', env }), readYaml })).toEqual([
      expect.stringContaining(`config/switchyard.yaml, ${missing}`),
      expect.stringContaining(`SWITCHYARD_DRAIN, ${missing}`),
    ]);
    expect(problemsOf({ ...sourcesOf({ env: { SWITCHYARD_SERVICE: 'shop' } }), readYaml })).toEqual([]);
  });
});
