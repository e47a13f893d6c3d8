import type { DeadLetterService } from '../../../../core/messaging/dead-letters/dead-letter.service.js';
import type {
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterPage,
  DeadLetterSummary,
} from '../../../../core/messaging/ports/dead-letter-store.js';
import { isLimited, seenTopics, topicsOf } from '../access/topic-access.js';
import type { AdminIdentity } from '../admin-authorizer.js';

/** Pages of the store that one answer may read. A page may be shorter than its limit, or empty, and have a next one. */
const MAX_PAGES = 10;
/** Topics whose groups are asked for. */
const MAX_TOPICS = 200;

type DeadLetters = Pick<DeadLetterService, 'list' | 'groups'>;

const NOTHING: DeadLetterPage = { items: [] };

/** A page of the dead letters whose topics the caller sees. */
export async function pageSeenBy(
  caller: AdminIdentity,
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
  page: { readonly limit: number; readonly after?: string },
): Promise<DeadLetterPage> {
  const sees = topicsOf(caller);
  if (filter.topic !== undefined && !sees(filter.topic)) return NOTHING;
  const isFiltered = !isLimited(caller) || filter.topic !== undefined;
  return isFiltered ? deadLetters.list(filter, page) : scan(deadLetters, filter, { ...page, sees });
}

async function scan(
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
  {
    limit,
    after,
    sees,
  }: { readonly limit: number; readonly after?: string; readonly sees: (topic: string) => boolean },
): Promise<DeadLetterPage> {
  const items: DeadLetterSummary[] = [];
  let next = after;
  let pages = 0;
  do {
    const place = next === undefined ? {} : { after: next };
    const found = await deadLetters.list(filter, { limit: limit - items.length, ...place });
    items.push(...found.items.filter(({ topic }) => sees(topic)));
    next = found.next;
    pages += 1;
    // A half-full page is answered as it is, because the rest would come in ever smaller reads.
  } while (next !== undefined && pages < MAX_PAGES && items.length * 2 < limit);
  return { items, ...(next !== undefined && { next }) };
}

/** The groups of the topics that the caller sees, largest first. Each is counted over its topic alone. */
export async function groupsSeenBy(
  caller: AdminIdentity,
  deadLetters: DeadLetters,
  filter: DeadLetterFilter,
  { limit, known }: { readonly limit: number; readonly known: Iterable<string> },
): Promise<readonly DeadLetterGroup[]> {
  if (!isLimited(caller)) return deadLetters.groups(filter, limit);
  const seen =
    filter.topic === undefined ? seenTopics(caller, known) : [filter.topic].filter(topicsOf(caller));
  const found: DeadLetterGroup[] = [];
  for (const topic of seen.slice(0, MAX_TOPICS))
    found.push(...(await deadLetters.groups({ ...filter, topic }, limit)));
  return found.sort((one, other) => other.count - one.count).slice(0, limit);
}
