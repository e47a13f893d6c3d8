import { createHash } from 'node:crypto';
import { PROBLEM, ProblemError } from './problem.js';

/** Encodes a position in the list that `filter` returns, as opaque text. */
export function encodeCursor(after: string, filter: object): string {
  return Buffer.from(JSON.stringify([1, digestOf(filter), after])).toString('base64url');
}

/** Decodes a cursor. Throws for invalid text, and for a cursor of another list. */
export function decodeCursor(cursor: string, filter: object): string {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    parts = undefined;
  }
  if (Array.isArray(parts) && parts.length === 3 && parts[0] === 1 && parts[1] === digestOf(filter)) {
    const after: unknown = parts[2];
    if (typeof after === 'string') return after;
  }
  throw new ProblemError(PROBLEM.badRequest, 'The cursor does not belong to this list.', [
    { pointer: '/cursor', message: 'must be the nextCursor of an answer to the same filter' },
  ]);
}

function digestOf(filter: object): string {
  const sorted = Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 12);
}
