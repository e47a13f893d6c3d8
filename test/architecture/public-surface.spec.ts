import * as fs from 'node:fs';

import ts from 'typescript';

/** Names and kinds of everything that an entry point exports, types included. */
function surfaceOf(file: string): readonly string[] {
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    skipLibCheck: true,
    noLib: true,
    types: [],
  });
  const source = program.getSourceFile(file);
  const checker = program.getTypeChecker();
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} exports nothing.`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => `${isType(symbol, checker) ? 'type ' : ''}${symbol.name}`)
    .sort();
}

function isType(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return (target.flags & ts.SymbolFlags.Value) === 0;
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly import: string }>>;
}

const manifest = JSON.parse(fs.readFileSync('package.json', 'utf8')) as Manifest;
const entryPoints = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === 'string'
    ? []
    : [[name, target.import.replace('./dist/esm/', './src/').replace(/\.js$/, '.ts')] as const],
);

describe('the public surface', () => {
  it.each(entryPoints)('of %s is exactly this', (_, file) => {
    expect(surfaceOf(file)).toMatchSnapshot();
  });
});
