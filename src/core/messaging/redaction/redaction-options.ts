import { problemOfPattern } from '../routing/topic-pattern.js';
import { problemOfFieldPath } from './field-path.js';
import { problemOfNamePattern } from './name-pattern.js';

/**
 * `remove` leaves the field out, `replace` shows `***`, and `mask` shows `***` with the last characters of a long value.
 * `keep` shows the field whatever later rules say; fields inside it are looked at as usual.
 */
export const REDACTION_ACTIONS = ['remove', 'replace', 'mask', 'keep'] as const;
export type RedactionAction = (typeof REDACTION_ACTIONS)[number];

/** What is not shown. Exactly one of `path`, `name` and `messageKey`. */
export interface RedactionRule {
  /** A field of JSON payloads, from their root: `customer.email`, `items[*].card`, `["a.b"][0]`, `*.pin`. */
  readonly path?: string | undefined;
  /**
   * A regular expression without `*`, `+` and `{`, tried without regard to case against the names of fields at any depth
   * and of headers, and against names in error texts.
   */
  readonly name?: string | undefined;
  /** The key of the message itself. */
  readonly messageKey?: boolean | undefined;
  readonly action: RedactionAction;
  /** Topics that the rule holds for: names, or patterns with `*` and `**`. @default all */
  readonly topics?: readonly string[] | undefined;
}

/** What of messages is shown to operators and in logs. What is stored, delivered and replayed stays as it is. */
export interface RedactionOptions {
  /** The first that matches a field wins. @default [] */
  readonly rules?: readonly RedactionRule[] | undefined;
  /**
   * Replaces, after the rules, fields and headers whose names look like secrets (`password`, `token`, `apiKey`,
   * `authorization`, `cookie` and the like), and in texts bearer tokens and passwords of URLs.
   *
   * @default true
   */
  readonly defaults?: boolean | undefined;
}

const PLACES = ['path', 'name', 'messageKey'] as const;

/** What is wrong with one rule: each the end of a sentence about it. */
export function problemsOfRule(rule: RedactionRule): string[] {
  if (typeof (rule as unknown) !== 'object' || (rule as unknown) === null) return ['is no rule'];
  const given = PLACES.filter((place) => rule[place] !== undefined);
  return [
    ...(given.length === 1 ? [] : ['must have exactly one of path, name and messageKey']),
    ...problemsOfPlace(rule),
    ...(REDACTION_ACTIONS.includes(rule.action)
      ? []
      : [`must have an action: one of ${REDACTION_ACTIONS.join(', ')}`]),
    ...(rule.messageKey === true && rule.action === 'keep' ? ['has nothing to keep for messageKey'] : []),
    ...problemsOfTopics(rule.topics),
  ];
}

function problemsOfPlace({ path, name, messageKey }: RedactionRule): string[] {
  const wrongPath = path === undefined ? undefined : problemOfFieldPath(path);
  const wrongName = name === undefined ? undefined : problemOfNamePattern(name);
  return [
    ...(wrongPath === undefined ? [] : [`has a path that ${wrongPath}`]),
    ...(wrongName === undefined ? [] : [`has a name that ${wrongName}`]),
    ...(messageKey === undefined || messageKey ? [] : ['has messageKey that is not true']),
  ];
}

/** What is wrong with a list of topics and patterns: each the end of a sentence. */
export function problemsOfTopics(topics: unknown): string[] {
  if (topics === undefined) return [];
  if (!Array.isArray(topics) || topics.length === 0) return ['has topics that are no list of at least one'];
  return (topics as unknown[]).flatMap((topic) => {
    const wrong = typeof topic === 'string' ? problemOfPattern(topic) : 'is no text';
    return wrong === undefined ? [] : [`has an entry in topics that ${wrong}`];
  });
}

/** What is wrong with the options, a sentence each. Values are not repeated. */
export function problemsOfRedaction(options: RedactionOptions | undefined): string[] {
  if (options === undefined) return [];
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null)
    return ['Option redaction must be an object with rules and defaults.'];
  const { rules = [], defaults } = options;
  const isFlag = defaults === undefined || typeof (defaults as unknown) === 'boolean';
  const problems = isFlag ? [] : ['Option redaction.defaults must be true or false.'];
  if (!Array.isArray(rules)) return [...problems, 'Option redaction.rules must be a list.'];
  return [
    ...problems,
    ...(rules as readonly RedactionRule[]).flatMap((rule, index) =>
      problemsOfRule(rule).map((problem) => `Option redaction.rules[${index}] ${problem}.`),
    ),
  ];
}
