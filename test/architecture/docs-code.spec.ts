import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';

interface Snippet {
  readonly page: string;
  /** Relative to the folder of the page's snippets; the first line of a snippet may name it. */
  readonly file: string;
  readonly code: string;
}

const PAGES = [
  'README.md',
  ...['using', 'operating', 'changing'].flatMap((door) =>
    fs
      .readdirSync(path.join('docs', door))
      // That page is typed into an application and run: test/e2e/getting-started.spec.ts.
      .filter((name) => name.endsWith('.md') && name !== 'getting-started.md')
      .map((name) => path.posix.join('docs', door, name)),
  ),
];

/** Whole modules: a snippet without an import is part of one. */
const snippets = PAGES.flatMap((page) =>
  [...fs.readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    .map(([, code = ''], index) => ({
      page,
      file: /^\/\/ ([\w.-]+\.ts)\n/.exec(code)?.[1] ?? `${index}.ts`,
      code,
    }))
    .filter(({ code }) => /^import /m.test(code)),
);

/** Problems of snippets, compiled against the sources as an application compiles against the package. */
function problemsOf(given: readonly Snippet[]): readonly string[] {
  const root = path.resolve('docs', '.snippets');
  const files = new Map(given.map(({ page, file, code }) => [path.join(root, page, file), code]));
  const { config } = ts.readConfigFile('tsconfig.json', (file) => ts.sys.readFile(file)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path.resolve('.'));
  const settings: ts.CompilerOptions = {
    ...options,
    noEmit: true,
    noUnusedLocals: false,
    paths: { switchyard: [path.resolve('src/index.ts')], 'switchyard/*': [path.resolve('src/exports/*.ts')] },
  };
  const disk = ts.createCompilerHost(settings);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => files.get(file) ?? disk.readFile(file),
    directoryExists: (name) => name.startsWith(root) || ts.sys.directoryExists(name),
    getSourceFile: (file, target, ...rest) => {
      const code = files.get(file);
      return code === undefined
        ? disk.getSourceFile(file, target, ...rest)
        : ts.createSourceFile(file, code, target);
    },
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  return [...files.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(
        ({ messageText }) =>
          `${path.relative(root, file)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      ),
  );
}

it('code of the pages compiles against the package', () => {
  expect(snippets.length).toBeGreaterThan(7);
  const wrong = {
    page: 'wrong',
    file: 'a.ts',
    code: "import { MessagingModul } from 'switchyard';\nMessagingModul;\n",
  };
  const problems = problemsOf([...snippets, wrong]);
  expect(problems.filter((problem) => !problem.startsWith('wrong'))).toEqual([]);
  expect(problems).toEqual([expect.stringContaining('MessagingModul')]);
}, 60_000);
