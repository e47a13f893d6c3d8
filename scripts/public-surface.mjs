/**
 * Writes a report of everything that the entry points of the package export, with signatures and types of options, to
 * `test/public-surface`: a change of the surface is a change of these files. With `--check` it writes nothing and ends with 1
 * when they differ.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { prepare, ROOT } from './bootstrap.mjs';

await prepare({ build: true });
// After the packages are installed.
const { Extractor, ExtractorConfig, ExtractorLogLevel } = await import('@microsoft/api-extractor');

const REPORTS = path.join(ROOT, 'test', 'public-surface');
const SILENT = { default: { logLevel: ExtractorLogLevel.None } };
const { exports: entryPoints } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
const isCheck = process.argv.includes('--check');
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'switchyard-surface-'));
const problems = [];
try {
  const reports = new Map();
  for (const [name, target] of Object.entries(entryPoints)) {
    if (typeof target === 'string') continue;
    const file = `${name === '.' ? 'index' : name.slice(2).replaceAll('/', '-')}.api.md`;
    reports.set(file, reportOf(path.join(ROOT, target.import.replace(/\.js$/, '.d.ts')), file));
  }
  if (isCheck) compare(reports);
  else write(reports);
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

function reportOf(declarations, file) {
  const configObject = {
    projectFolder: ROOT,
    mainEntryPointFilePath: declarations,
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          module: 'NodeNext',
          moduleResolution: 'NodeNext',
          target: 'ES2022',
          lib: ['ES2022'],
          types: ['node'],
          skipLibCheck: true,
          experimentalDecorators: true,
        },
        files: [declarations],
      },
    },
    apiReport: {
      enabled: true,
      includeForgottenExports: true,
      reportFileName: file,
      reportFolder: work,
      reportTempFolder: path.join(work, 'temp'),
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: SILENT,
      extractorMessageReporting: SILENT,
      tsdocMessageReporting: SILENT,
    },
  };
  const config = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: path.join(ROOT, 'package.json'),
  });
  Extractor.invoke(config, {
    localBuild: true,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  return withSortedEnums(fs.readFileSync(path.join(work, file), 'utf8').replaceAll('\r\n', '\n'));
}

/**
 * Because the compiler lists the members of an inferred `ZodEnum` in the order in which it first met these words anywhere, the
 * order differs between machines.
 */
function withSortedEnums(report) {
  return report.replaceAll(
    /(ZodEnum<\{\n)((?: *"?[\w-]+"?: "[\w-]+";\n)+)/g,
    (_, head, members) =>
      head +
      members
        .split(/(?<=\n)/)
        .sort()
        .join(''),
  );
}

function write(reports) {
  fs.rmSync(REPORTS, { recursive: true, force: true });
  fs.mkdirSync(REPORTS, { recursive: true });
  for (const [file, text] of reports) fs.writeFileSync(path.join(REPORTS, file), text);
}

function compare(reports) {
  for (const [file, text] of reports) {
    const known = path.join(REPORTS, file);
    const isSame = fs.existsSync(known) && fs.readFileSync(known, 'utf8').replaceAll('\r\n', '\n') === text;
    if (!isSame)
      problems.push(
        `The public surface differs from test/public-surface/${file}. Run npm run docs:surface, and look at what it changes.`,
      );
  }
  for (const file of fs.readdirSync(REPORTS).filter((each) => !reports.has(each)))
    problems.push(`test/public-surface/${file} belongs to no entry point. Run npm run docs:surface.`);
}
