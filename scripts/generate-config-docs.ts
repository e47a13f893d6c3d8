/**
 * Writes the reference in docs/using/configuration.md and .env.example from the schema. With `--check` it writes nothing and
 * fails when either is out of step.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

import { configSchema } from '../src/app.config.js';
import { shapeOf } from '../src/config/shape.js';
import { envExample, withReference } from './config-reference-text.js';
import { referenceOf } from './config-reference.js';

const entries = referenceOf(shapeOf(configSchema));
const page = path.join('docs', 'using', 'configuration.md');
const wanted: readonly (readonly [string, string])[] = [
  [page, withReference(fs.readFileSync(page, 'utf8'), entries)],
  ['.env.example', envExample(entries)],
];

for (const [file, text] of wanted) {
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${file} is out of step with the schema. Run npm run docs:config.\n`);
    process.exitCode = 1;
  } else {
    fs.writeFileSync(file, text);
    process.stdout.write(`${file} written.\n`);
  }
}
