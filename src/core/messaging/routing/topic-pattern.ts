/** More segments than any sensible topic; bounds the work a hostile name can cause. */
const MAX_SEGMENTS = 64;

const SEGMENT = /^(?:\*{1,2}|[A-Za-z0-9_-]+)$/;

/** True when the pattern has wildcards: `*` for exactly one segment, `**` for any number of them, none included. */
export function isPattern(text: string): boolean {
  return text.includes('*');
}

/** What is wrong with a pattern, or undefined. */
export function problemOfPattern(pattern: string): string | undefined {
  const segments = pattern.split('.');
  if (segments.length > MAX_SEGMENTS) return `has more than ${MAX_SEGMENTS} segments`;
  const wrong = segments.find((segment) => !SEGMENT.test(segment));
  if (wrong === undefined) return undefined;
  const found = isShownPattern(pattern) ? `the segment "${wrong}"` : 'a segment that is not shown';
  return `has ${found}; a segment is a name, "*" or "**"`;
}

/** False for a text that cannot be meant as a pattern, and may be a secret. */
export function isShownPattern(text: string): boolean {
  return /^[\w.*+?^$(){}|-]{0,100}$/.test(text);
}

/**
 * Compiles a pattern into a test for topics.
 *
 * Compares segment by segment and returns to the last `**` on a mismatch, so the work is at most the product of both
 * lengths. No regular expression is made from it: backtracking over `**` would take exponential time.
 */
export function compilePattern(pattern: string): (topic: string) => boolean {
  if (!isPattern(pattern)) return (topic) => topic === pattern;
  if (pattern === '**') return () => true;
  const wanted = pattern.split('.');
  return (topic) => matches(wanted, topic.split('.'));
}

function matches(wanted: readonly string[], segments: readonly string[]): boolean {
  let want = 0;
  let at = 0;
  let lastAny = -1;
  let resumeAt = 0;
  while (at < segments.length) {
    if (wanted[want] === '**') {
      lastAny = want++;
      resumeAt = at;
    } else if (want < wanted.length && (wanted[want] === '*' || wanted[want] === segments[at])) {
      want++;
      at++;
    } else if (lastAny >= 0) {
      want = lastAny + 1;
      at = ++resumeAt;
    } else {
      return false;
    }
  }
  while (wanted[want] === '**') want++;
  return want === wanted.length;
}
