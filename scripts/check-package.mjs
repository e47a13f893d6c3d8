/**
 * Checks what `npm pack` would publish: every entry point has a source and both builds of it, no internal file is
 * published, the archive is small, and each way to resolve modules and types finds the right file (attw, publint).
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';
import { capture } from './capture.mjs';
import { packedFiles, packInto } from './packed-files.mjs';

const MAX_PACKED_BYTES = 1_500_000;

await prepare({ build: true });
const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const entryPoints = Object.entries(manifest.exports).filter(([, target]) => typeof target !== 'string');
const problems = [
  ...targets().flatMap(problemsOfTarget),
  ...entryPoints.flatMap(problemsOfConditions),
  ...problemsOfFiles(packedFiles(ROOT)),
  ...(await problemsOfArchive()),
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function targets() {
  const ofBin = typeof manifest.bin === 'string' ? [manifest.bin] : Object.values(manifest.bin ?? {});
  const ofExports = entryPoints.flatMap(([, conditions]) => Object.values(conditions));
  return [...new Set([manifest.main, manifest.types, ...ofExports, ...ofBin])];
}

function problemsOfTarget(target) {
  const source = target.replace(/^(\.\/)?dist\/(esm|cjs)\//, 'src/').replace(/\.(d\.ts|js)$/, '.ts');
  const missing = [source, target].filter((file) => !fs.existsSync(path.join(ROOT, file)));
  return missing.map((file) => `package.json points to ${target}, but there is no ${file}.`);
}

/** Node takes the first condition that it knows. `module-sync` comes first, so that both its loaders get one copy. */
function problemsOfConditions([name, conditions]) {
  const esm = conditions['module-sync'];
  const wanted = { 'module-sync': esm, import: esm, require: esm?.replace('./dist/esm/', './dist/cjs/') };
  if (JSON.stringify(conditions) === JSON.stringify(wanted)) return [];
  return [`"exports" of ${name} must be module-sync and import of dist/esm, then require of dist/cjs.`];
}

function problemsOfFiles(names) {
  const missing = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'dist/cjs/package.json'];
  return [
    ...missing.filter((needed) => !names.has(needed)).map((needed) => `The package has no ${needed}.`),
    ...[...names]
      .filter(isInternal)
      .map((name) => `${name} would be published. "files" in package.json leaves it out.`),
  ];
}

function isInternal(name) {
  const belongs =
    /^dist\/(esm|cjs)\/|^docs\/.*\.md$|^docs\/operating\/alert-rules\.yaml$|^examples\//.test(name) ||
    !name.includes('/');
  return (
    !belongs ||
    /^dist\/\w+\/(main|app\.|demonstration\/|modules\/)|\.(tsbuildinfo|map)$|^\.env|\.spec\.|\.(lua|sql|html|css)$/.test(
      name,
    )
  );
}

async function problemsOfArchive() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-pack-'));
  try {
    const { file, bytes } = packInto(ROOT, directory);
    const tool = (...parts) => path.join(ROOT, 'node_modules', ...parts);
    const outputs = await Promise.all([
      outputOfFailure([tool('@arethetypeswrong', 'cli', 'dist', 'index.js'), '--no-emoji', file]),
      outputOfFailure([tool('publint', 'src', 'cli.js'), 'run', '--strict', file]),
    ]);
    const size =
      bytes > MAX_PACKED_BYTES ? [`The package has ${bytes} bytes, above ${MAX_PACKED_BYTES}.`] : [];
    return [...size, ...outputs.flat()];
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

async function outputOfFailure(args) {
  const { status, output } = await capture(process.execPath, args, { cwd: ROOT });
  return status === 0 ? [] : [output];
}
