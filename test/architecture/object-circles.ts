import ts from 'typescript';

/** A place where an object and what it makes hold each other before the object is complete. */
export interface ObjectCircle {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

/**
 * Circles through objects, which imports do not show: an arrow function in a constructor or a field initialiser that reads a
 * field assigned by the same step or a later one, and `this` itself given away before the constructor has returned.
 *
 * The steps of construction are the parameter properties, the fields in their order and then the statements of the constructor.
 */
export function objectCircles(file: string, text: string): readonly ObjectCircle[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: ObjectCircle[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isClassLike(node)) {
      for (const { at, problem } of circlesOf(node)) {
        const { line } = source.getLineAndCharacterOfPosition(at.getStart(source));
        found.push({ file, line: line + 1, problem });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

interface Finding {
  readonly at: ts.Node;
  readonly problem: string;
}

function circlesOf(owner: ts.ClassLikeDeclaration): readonly Finding[] {
  const fields = owner.members.filter(isInstanceField);
  const statements = owner.members.find(isConstructorWithBody)?.body.statements ?? [];
  const steps: readonly ts.Node[] = [...fields, ...statements];
  const assignedAt = new Map<string, number>();
  steps.forEach((step, index) => {
    if (ts.isPropertyDeclaration(step)) assignedAt.set(step.name.getText(), index);
    else for (const name of assignedBy(step)) assignedAt.set(name, index);
  });
  return steps.flatMap((step, index) => {
    const findings: Finding[] = [];
    walk(ts.isPropertyDeclaration(step) ? step.initializer : step, (node, isDeferred) => {
      const name = ownMember(node);
      if (isBareThis(node)) findings.push({ at: node, problem: `gives away this: ${textOf(node.parent)}` });
      else if (isDeferred && name !== undefined && (assignedAt.get(name) ?? -1) >= index && !isTarget(node))
        findings.push({ at: node, problem: `reads ${node.getText()}, which is assigned later` });
    });
    return findings;
  });
}

/** Visits all that runs with the `this` of the object, and says whether it is inside an arrow function. */
function walk(
  node: ts.Node | undefined,
  visit: (node: ts.Node, isDeferred: boolean) => void,
  isDeferred = false,
): void {
  if (!node || hasOwnThis(node)) return;
  visit(node, isDeferred);
  ts.forEachChild(node, (child) => walk(child, visit, isDeferred || ts.isArrowFunction(node)));
}

function hasOwnThis(node: ts.Node): boolean {
  return ts.isClassLike(node) || (ts.isFunctionLike(node) && !ts.isArrowFunction(node));
}

/** The fields that a statement assigns while the constructor runs, so not in a callback. */
function assignedBy(statement: ts.Node): readonly string[] {
  const names: string[] = [];
  walk(statement, (node, isDeferred) => {
    const name = ownMember(node);
    if (name !== undefined && !isDeferred && isTarget(node)) names.push(name);
  });
  return names;
}

/** The name in `this.name`. */
function ownMember(node: ts.Node): string | undefined {
  return ts.isPropertyAccessExpression(node) && node.expression.kind === ts.SyntaxKind.ThisKeyword
    ? node.name.text
    : undefined;
}

/** What stands left of `=`, which is not read. */
function isTarget(node: ts.Node): boolean {
  const { parent } = node;
  return (
    ts.isBinaryExpression(parent) &&
    parent.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
    parent.left === node
  );
}

function isBareThis(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.ThisKeyword && !ts.isPropertyAccessExpression(node.parent);
}

function isInstanceField(member: ts.ClassElement): member is ts.PropertyDeclaration {
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  return (
    ts.isPropertyDeclaration(member) && !modifiers.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword)
  );
}

function isConstructorWithBody(
  member: ts.ClassElement,
): member is ts.ConstructorDeclaration & { readonly body: ts.FunctionBody } {
  return ts.isConstructorDeclaration(member) && member.body !== undefined;
}

function textOf(node: ts.Node): string {
  return node.getText().replace(/\s+/g, ' ').slice(0, 80);
}
