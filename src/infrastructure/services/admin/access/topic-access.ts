import { MessagingError } from '../../../../core/messaging/ports/errors.js';
import { problemsOfTopics } from '../../../../core/messaging/redaction/redaction-options.js';
import { compilePattern, isPattern } from '../../../../core/messaging/routing/topic-pattern.js';
import type { AdminIdentity } from '../admin-authorizer.js';
import { PROBLEM, ProblemError } from '../http/problem.js';

type Matcher = (topic: string) => boolean;

/** By list, because an authorizer returns the same one with each request. */
const compiled = new WeakMap<readonly string[], Matcher>();
const everything: Matcher = () => true;

/** True for a caller that sees some topics only. */
export function isLimited({ topics }: AdminIdentity): boolean {
  return topics !== undefined;
}

/** What is wrong with the topics of an identity; undefined when nothing is. */
export function problemOfTopics({ topics }: AdminIdentity): string | undefined {
  return problemsOfTopics(topics)[0];
}

/** Whether the caller sees a topic, as a function. */
export function topicsOf({ topics }: AdminIdentity): Matcher {
  if (topics === undefined) return everything;
  const known = compiled.get(topics);
  if (known) return known;
  const patterns = topics.map(compilePattern);
  const matcher: Matcher = (topic) => patterns.some((matches) => matches(topic));
  compiled.set(topics, matcher);
  return matcher;
}

/** Whether the caller sees a topic. */
export function seesTopic(caller: AdminIdentity, topic: string): boolean {
  return topicsOf(caller)(topic);
}

/** Topics that a limited caller sees, of those that are known and those that its list names. */
export function seenTopics(caller: AdminIdentity, known: Iterable<string>): string[] {
  const named = (caller.topics ?? []).filter((topic) => !isPattern(topic));
  return [...new Set([...named, ...known])].filter(topicsOf(caller));
}

/** Throws 404, as for what does not exist, when the caller does not see the topic. `what` is the answer for an unknown one. */
export function refuseUnseen(caller: AdminIdentity, topic: string, what: string): void {
  if (!seesTopic(caller, topic)) throw new ProblemError(PROBLEM.notFound, what);
}

/** A dead letter by its id, unless the caller does not see its topic: it is unknown then. */
export function refuseUnseenLetter(
  caller: AdminIdentity,
  { id, topic }: { readonly id: string; readonly topic: string },
): void {
  if (!seesTopic(caller, topic))
    // The error of the service for an unknown one, so that both look alike.
    throw new MessagingError('NOT_FOUND', `There is no dead letter ${JSON.stringify(id.slice(0, 80))}.`);
}
