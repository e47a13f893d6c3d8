import { z } from 'zod';
import { parse, text } from '../http/parse.js';

const listSchema = z.strictObject({ topic: text.optional() });
const removalSchema = z.strictObject({
  transport: text,
  topic: text,
  group: text,
  reason: z.string().max(255).optional(),
});

/** Which group of which topic shall be forgotten, where and why. */
export interface GroupRemoval {
  readonly transport: string;
  readonly topic: string;
  readonly group: string;
  readonly reason?: string;
}

/** Query of the list of groups. */
export function parseGroupList(query: unknown): { readonly topic?: string } {
  return parse(listSchema, query);
}

/** Query of the removal of a group. All of it has to be said, because nothing brings a group back. */
export function parseGroupRemoval(query: unknown): GroupRemoval {
  return parse(removalSchema, query);
}
