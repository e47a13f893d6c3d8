const MAX_PATTERN = 500;
const MAX_OPTIONAL = 16;
/** A longer name is not read, and counts as one that matches. */
const MAX_NAME = 256;

/**
 * Names of secrets. `auth` begins `authorization` and `authToken`, and also `author`, which is none. Each alternative is
 * of bounded length, because names come from messages.
 */
const SECRET_NAMES =
  /passw|passphrase|(?:^|[^a-z])pwd|secret|token|api[-_. ]?key|(?:private|access|signing|encryption)[-_. ]?key|credential|cookie|auth(?!or(?!i[sz]))|session|signature|(?:^|[^a-z])cv[vc]2?(?:[^a-z]|$)|card[-_. ]?num/i;

/** Whether the defaults take a name for that of a secret. False for a whole text means that no name in it is one. */
export const isSecretName = (name: string): boolean => SECRET_NAMES.test(name);

/** What is wrong with a pattern for names, or undefined. One that could take long for some name is refused. */
export function problemOfNamePattern(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string' || pattern === '') return 'is no text';
  if (pattern.length > MAX_PATTERN) return `is longer than ${MAX_PATTERN} characters`;
  return problemOfForm(pattern, withoutClasses(pattern)) ?? problemOfExpression(pattern);
}

/** Without repetition an expression tries a number of ways that does not depend on the name. */
function problemOfForm(pattern: string, outsideOfClasses: string): string | undefined {
  if (/[*+{]/.test(outsideOfClasses))
    return 'repeats with *, + or {; it is searched for anywhere in a name, so write password, not .*password.*';
  if (/\(\?(?!:)/.test(outsideOfClasses) || /\\[0-9kpPu]/.test(pattern))
    return 'uses more than characters, classes, alternatives and groups';
  const optional = outsideOfClasses.match(/\?/g)?.length ?? 0;
  return optional > MAX_OPTIONAL ? `has more than ${MAX_OPTIONAL} "?"` : undefined;
}

function problemOfExpression(pattern: string): string | undefined {
  try {
    return new RegExp(pattern, 'i').test('') ? 'matches every name' : undefined;
  } catch {
    return 'is no regular expression';
  }
}

function withoutClasses(pattern: string): string {
  return pattern.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
}

/** Compiles a pattern that has no problem. */
export function compileNamePattern(pattern: string): (name: string) => boolean {
  const expression = new RegExp(pattern, 'i');
  return (name) => name.length > MAX_NAME || expression.test(name);
}
