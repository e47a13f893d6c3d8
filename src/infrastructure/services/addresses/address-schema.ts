import { z } from 'zod';
import { readHostAndPort } from './host-and-port.js';

/** A text that is read by `problemOf`, which says what is wrong as the rest of a sentence about the key. */
export function readText(problemOf: (text: string) => string | undefined): z.ZodString {
  return z.string().superRefine((text, context) => {
    const message = problemOf(text);
    // Final, so that checks between options do not report the same text again.
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
  });
}

/** `host:port`. */
export function addressSchema(description: string): z.ZodString {
  return readText((text) => {
    const read = readHostAndPort(text);
    return 'problem' in read ? read.problem : undefined;
  }).meta({ description, allowed: 'host:port', secret: true });
}
