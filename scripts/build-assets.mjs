/**
 * Writes the outdated modules of assets.mjs below src. With `--check` it writes nothing and ends with 1 when one is out
 * of step with its sources.
 */
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';

await prepare();
// After the packages are installed.
const { outdatedAssets, writeAssets } = await import('./assets.mjs');

const { outdated, problems } = outdatedAssets(path.join(ROOT, 'src'));
const mistakes = [...problems];
if (process.argv.includes('--check')) {
  mistakes.push(...outdated.map(([file]) => `${file} is out of step. Run npm run assets.`));
} else if (problems.length === 0) {
  writeAssets(outdated);
  for (const [file] of outdated) console.error(`${path.relative(ROOT, file)} written.`);
}
for (const mistake of mistakes) console.error(mistake);
process.exitCode = mistakes.length === 0 ? 0 : 1;
