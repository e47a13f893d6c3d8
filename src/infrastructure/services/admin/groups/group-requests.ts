import { z } from 'zod';
import { name, parse, text } from '../http/parse.js';

/** Query of the list of groups. */
export const groupListQuery = z.strictObject({ topic: name.optional() });
/** Query of the removal of a group. All of it is required, because a removed group cannot be restored. */
export const groupRemovalQuery = z.strictObject({
  transport: text,
  topic: name,
  group: name,
  reason: z.string().max(255).optional(),
});

/** The group to remove, its topic and transport, and the reason. */
export interface GroupRemoval {
  readonly transport: string;
  readonly topic: string;
  readonly group: string;
  readonly reason?: string;
}

/** Reads a {@link groupListQuery}. */
export function parseGroupList(query: unknown): { readonly topic?: string } {
  return parse(groupListQuery, query);
}

/** Reads a {@link groupRemovalQuery}. */
export function parseGroupRemoval(query: unknown): GroupRemoval {
  return parse(groupRemovalQuery, query);
}
