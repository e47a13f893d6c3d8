import * as fs from 'node:fs';
import * as path from 'node:path';

import * as yaml from 'yaml';

import { envExample, withReference } from '../../scripts/config-reference-text.js';
import { referenceOf } from '../../scripts/config-reference.js';
import { configSchema } from '../../src/app.config.js';
import { readSettings } from '../../src/config/read-settings.js';
import { shapeOf } from '../../src/config/shape.js';
import { yamlReader } from '../../src/config/yaml-source.js';

const readYaml = yamlReader(yaml);

const entries = referenceOf(shapeOf(configSchema));
const page = fs.readFileSync('docs/using/configuration.md', 'utf8');

describe('the reference', () => {
  it('in docs/using/configuration.md is what the schema says', () =>
    expect(withReference(page, entries)).toBe(page));

  it('in .env.example is what the schema says', () =>
    expect(fs.readFileSync('.env.example', 'utf8')).toBe(envExample(entries)));

  it('explains every key', () => expect(entries.filter(({ description }) => description === '')).toEqual([]));

  it('names variables that are read', () => {
    const env = Object.fromEntries(
      entries.flatMap(({ variable, default: value, kind }) =>
        // Of the kinds, only that of the transport that is there without any configuration.
        variable === undefined || value === undefined || (kind ?? 'embedded') !== 'embedded'
          ? []
          : [[variable, value]],
      ),
    );
    expect(Object.keys(env).length).toBeGreaterThan(20);
    expect(loadFrom('', env)).toEqual(loadFrom('', {}));
  });
});

describe('examples', () => {
  const snippets = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
  const files = fs
    .readdirSync('config')
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => fs.readFileSync(path.join('config', name), 'utf8'));

  it('are there', () => expect(snippets.length).toBeGreaterThan(2));

  it.each([...snippets, ...files])('are accepted: %s', (text) => {
    const { value } = readYaml(text);
    if (Array.isArray(value)) loadFrom('', { SWITCHYARD_ADMIN__API_KEYS: text });
    else loadFrom(text, {});
  });
});

function loadFrom(file: string, env: Record<string, string>): unknown {
  return readSettings(configSchema, {
    env,
    cwd: path.resolve('/srv'),
    readFile: () => file,
    readYaml,
    exists: () => false,
  });
}
