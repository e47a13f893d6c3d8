import { z } from 'zod';

/** A time of RFC 3339 in UTC. */
export const time = z.iso.datetime();

/** Milliseconds, or another number from 0. */
export const amount = z.number().min(0);

/** How many, from 0. */
export const count = z.int().min(0);

/** A word of a documented set to which a minor version may add: clients need a default branch. */
export function openWord(words: readonly string[]): z.ZodType<string> {
  return z.string().meta({ examples: [...words], description: 'Open: a minor version may add words.' });
}

/** Which processes a figure is about. */
export const scope = openWord(['process', 'shared']);

/** A time as {@link time} has it. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
