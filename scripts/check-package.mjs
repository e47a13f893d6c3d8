/** Checks what `npm pack` would publish: every entry point has a source, and no internal file is published. */
import * as fs from 'node:fs';
import * as path from 'node:path';

import { ROOT } from './bootstrap.mjs';
import { packedFiles } from './packed-files.mjs';

const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const problems = [];

const targets = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' ? [target] : Object.values(target),
);
for (const target of new Set([manifest.main, manifest.types, ...targets])) {
  const source = target.replace('./dist/', './src/').replace(/\.(d\.ts|js)$/, '.ts');
  if (!fs.existsSync(path.join(ROOT, source)))
    problems.push(`package.json points to ${target}, but there is no ${source}.`);
}

const names = packedFiles(ROOT);
for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']) {
  if (!names.has(needed)) problems.push(`The package has no ${needed}.`);
}
for (const name of names) {
  const belongs =
    /^dist\/|^docs\/.*\.md$|^docs\/operating\/alert-rules\.yaml$/.test(name) || !name.includes('/');
  const stays =
    /^dist\/(main|app\.|demonstration\/|modules\/)|\.(tsbuildinfo|map)$|^\.env|\.spec\.|\.(lua|sql|html|css)$/.test(
      name,
    );
  if (!belongs || stays) problems.push(`${name} would be published. "files" in package.json leaves it out.`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
