import { inspect } from 'node:util';

/** A prototype of its own, because Nest's logger writes a head before plain objects. */
const LINE = {};

/**
 * A line for the log: an object whose fields structured loggers take over, and one line of JSON wherever it is printed
 * as text, as by Nest's own logger.
 *
 * @param text the fields as one line.
 */
export function logLine(fields: object, text: string): object {
  const asText = { value: () => text };
  return Object.defineProperties(Object.assign(Object.create(LINE) as object, fields), {
    toString: asText,
    [inspect.custom]: asText,
  });
}
