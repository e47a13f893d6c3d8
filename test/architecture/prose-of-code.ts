import ts from 'typescript';

/** Prose in a source file: a string, or comments without code between them. */
export interface Prose {
  readonly line: number;
  /** On one line, without quotations in backticks. */
  readonly text: string;
}

/** Functions whose first argument is the name of a test. */
const NAMES_A_TEST = /^(?:describe|it|test)(?:\.\w+)*$/;

/** Properties that become the name of a test or part of a published table. */
const NAMES_A_CASE = new Set(['title', 'reason', 'fault', 'why']);

/** What is no word of a comment, in TypeScript and in Lua. */
const MARKS_OF_COMMENTS = /^\/\*+|\*+\/$|^\/\/|^\s*\*(?!\/)|^--(?:\[\[)?|\]\]$/gm;

/** The comments of a file and its strings, except names of modules. */
export function proseOfCode(file: string, text: string): readonly Prose[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return [...comments(source), ...strings(source, () => true)];
}

/** The names of tests and cases, and the reasons for which cases are skipped. */
export function namesOfTests(file: string, text: string): readonly Prose[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return strings(source, isName);
}

/** The comments of a Lua script; lines below each other are one text. */
export function commentsOfLua(text: string): readonly Prose[] {
  const ranges = [...text.matchAll(/--\[\[[\s\S]*?\]\]|--.*/g)].map(({ index, 0: whole }) => ({
    pos: index,
    end: index + whole.length,
  }));
  return joined(text, ranges);
}

function comments(source: ts.SourceFile): readonly Prose[] {
  const found: ts.CommentRange[] = [];
  const seen = new Set<number>();
  const visit = (node: ts.Node): void => {
    const around = [
      ...(ts.getLeadingCommentRanges(source.text, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(source.text, node.end) ?? []),
    ];
    for (const range of around) {
      if (seen.has(range.pos) || isInside(node, range)) continue;
      seen.add(range.pos);
      found.push(range);
    }
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  return joined(
    source.text,
    found.sort((one, other) => one.pos - other.pos),
  );
}

/** The tail of a template begins where its node begins, so its text may look like a comment. */
function isInside(node: ts.Node, range: ts.CommentRange): boolean {
  return (
    node.kind === ts.SyntaxKind.JsxText || (ts.isTemplateMiddleOrTemplateTail(node) && range.pos < node.end)
  );
}

/** Comments with only white space between them are one text, unless an empty line separates them. */
function joined(source: string, ranges: readonly ts.TextRange[]): readonly Prose[] {
  const found: Prose[] = [];
  let end = 0;
  for (const range of ranges) {
    const text = source.slice(range.pos, range.end).replace(MARKS_OF_COMMENTS, ' ');
    const isNext = /^[^\S\n]*\n?[^\S\n]*$/.test(source.slice(end, range.pos));
    const before = isNext ? found.pop() : undefined;
    const line = before?.line ?? source.slice(0, range.pos).split('\n').length;
    found.push({ line, text: plain(`${before?.text ?? ''} ${text}`) });
    end = range.end;
  }
  return found;
}

function strings(source: ts.SourceFile, wanted: (node: ts.Node) => boolean): readonly Prose[] {
  const found: Prose[] = [];
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (text !== undefined && !isModuleName(node) && wanted(node))
      found.push({
        line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
        text: plain(text),
      });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The words of a string; `…` stands for each value of a template. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');
}

function isModuleName({ parent }: ts.Node): boolean {
  return (
    ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isExternalModuleReference(parent)
  );
}

function isName(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent)) return NAMES_A_CASE.has(parent.name.getText());
  return ts.isCallExpression(parent) && parent.arguments[0] === node && NAMES_A_TEST.test(calleeOf(parent));
}

/** The name of the called function; for `it.each(…)('…')` that of the inner call. */
function calleeOf({ expression }: ts.CallExpression): string {
  return ts.isCallExpression(expression) ? calleeOf(expression) : expression.getText();
}

function plain(text: string): string {
  return text
    .replace(/(`+)(?!`)[^`]*\1/g, '``')
    .replace(/\s+/g, ' ')
    .trim();
}
