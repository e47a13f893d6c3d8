import type {
  DeadLetter,
  DeadLetterError,
  DeadLetterGroup,
  DeadLetterSummary,
} from '../ports/dead-letter-store.js';
import type { WireMessage } from '../ports/transport.js';
import { compilePattern } from '../routing/topic-pattern.js';
import { FieldRules } from './field-rules.js';
import { HiddenValues } from './hidden-values.js';
import { maskJson } from './json-masker.js';
import { MARK, maskedText } from './masked-value.js';
import type { RedactionOptions, RedactionRule } from './redaction-options.js';
import { maskCredentials, maskText } from './text-masker.js';

/** A longer payload is not read, so none of it is shown. */
const MAX_BODY_BYTES = 256 * 1024;
/** A longer text is not searched, so it is not shown. Errors are cut long before they are stored. */
const MAX_TEXT_LENGTH = 1024 * 1024;
const MAX_TOPICS = 1_000;

/** Why nothing is shown of a payload: it is no JSON or is nested deeper than 64 levels, or it is longer than 256 KiB. */
export const HIDDEN_BECAUSE = ['unreadable', 'too-large'] as const;
type HiddenBecause = (typeof HIDDEN_BECAUSE)[number];

/** A payload as it may be shown. */
export type ShownPayload =
  | { readonly text: string }
  | { readonly hiddenBecause: HiddenBecause }
  /** No rule holds for the topic: the bytes may be shown as they are. */
  | 'unchanged';

/** The parts of a message that rules look at. */
export type RedactedMessage = Pick<WireMessage, 'headers' | 'body' | 'key'>;

/** Where a text comes from: rules may hold for its topic only, and it may quote its message. */
export interface TextOrigin {
  readonly topic?: string | undefined;
  readonly message?: RedactedMessage | undefined;
}

interface CompiledRule {
  readonly rule: RedactionRule;
  readonly matches: (topic: string) => boolean;
}

/**
 * Decides what of messages is shown. Everything that shows a payload, a header, a key or the text of an error to people
 * passes it first; what is stored for replays, and what handlers and observers receive, does not.
 */
export class Redactor {
  readonly #rules: readonly CompiledRule[];
  readonly #defaults: boolean;
  readonly #byTopic = new Map<string, FieldRules>();
  readonly #everywhere: FieldRules;

  /** @param options have no problem, as `problemsOfRedaction` reports them. */
  constructor({ rules = [], defaults = true }: RedactionOptions = {}) {
    this.#defaults = defaults;
    this.#rules = rules.map((rule) => ({ rule, matches: matcherOf(rule.topics) }));
    // A text of unknown origin may be of any topic.
    this.#everywhere = new FieldRules(rules, defaults);
  }

  /** The text of an error, or another free text. With its message, also without what is hidden in that. */
  text(text: string, { topic, message }: TextOrigin = {}): string {
    const rules = topic === undefined ? this.#everywhere : this.#rulesOf(topic);
    return this.#text(text, rules, message && this.#hiddenIn(message, rules));
  }

  /** The key of a message. Undefined where it is removed, and where there is none. */
  key(topic: string, key: string | undefined): string | undefined {
    const rules = this.#rulesOf(topic);
    return key === undefined ? undefined : this.#key(key, rules, undefined);
  }

  /** A dead letter for a list, without its message at hand. */
  summary<T extends DeadLetterSummary>(deadLetter: T): T {
    const rules = this.#rulesOf(deadLetter.topic);
    return rules.isEmpty ? deadLetter : this.#summary(deadLetter, rules, undefined);
  }

  group(group: DeadLetterGroup): DeadLetterGroup {
    return { ...group, errorMessage: this.text(group.errorMessage, { topic: group.topic }) };
  }

  /** A dead letter with its headers. Its body is as it was: {@link payload} shows it. */
  deadLetter(deadLetter: DeadLetter): DeadLetter {
    const rules = this.#rulesOf(deadLetter.topic);
    if (rules.isEmpty) return deadLetter;
    const hidden = this.#hiddenIn(deadLetter, rules);
    return {
      ...this.#summary(deadLetter, rules, hidden),
      headers: this.#headers(deadLetter.headers, rules, hidden),
    };
  }

  /** What is kept of the error of a message that is given up. */
  error(error: DeadLetterError, topic: string, message: RedactedMessage): DeadLetterError {
    const rules = this.#rulesOf(topic);
    return rules.isEmpty ? error : this.#error(error, rules, this.#hiddenIn(message, rules));
  }

  /** The payload of a message. */
  payload(topic: string, message: RedactedMessage): ShownPayload {
    const rules = this.#rulesOf(topic);
    if (rules.isEmpty) return 'unchanged';
    if (message.body.length > MAX_BODY_BYTES) return { hiddenBecause: 'too-large' };
    const json = jsonOf(message.body);
    const hidden = this.#hiddenIn(message, rules);
    const show = (text: string): string => this.#text(text, rules, hidden);
    const text = json === undefined ? undefined : maskJson(json, { rules, hidden, show });
    return text === undefined ? { hiddenBecause: 'unreadable' } : { text };
  }

  #rulesOf(topic: string): FieldRules {
    const known = this.#byTopic.get(topic);
    if (known) return known;
    const rules = this.#rules.filter(({ matches }) => matches(topic)).map(({ rule }) => rule);
    const compiled = new FieldRules(rules, this.#defaults);
    if (this.#byTopic.size >= MAX_TOPICS) this.#byTopic.clear();
    this.#byTopic.set(topic, compiled);
    return compiled;
  }

  #hiddenIn({ headers, body, key }: RedactedMessage, rules: FieldRules): HiddenValues {
    const hidden = new HiddenValues();
    if (rules.isEmpty) return hidden;
    if (key !== undefined && rules.messageKey !== undefined) hidden.add(key);
    for (const [name, value] of Object.entries(headers)) {
      const action = rules.ofName(name);
      if (action !== undefined && action !== 'keep') hidden.add(value);
    }
    const json = body.length > MAX_BODY_BYTES ? undefined : jsonOf(body);
    if (json !== undefined && rules.mayHideIn(json)) maskJson(json, { rules, hidden, show: (text) => text });
    return hidden;
  }

  #text(text: string, rules: FieldRules, hidden: HiddenValues | undefined): string {
    if (rules.isEmpty) return text;
    if (text.length > MAX_TEXT_LENGTH) return MARK;
    const quoted = hidden?.hideIn(text) ?? text;
    const named = maskText(quoted, rules.ofName);
    return rules.defaults ? maskCredentials(named) : named;
  }

  #key(key: string, rules: FieldRules, hidden: HiddenValues | undefined): string | undefined {
    const { messageKey } = rules;
    if (messageKey === undefined) return this.#text(key, rules, hidden);
    return messageKey === 'remove' ? undefined : maskedText(key, messageKey);
  }

  #headers(
    headers: Readonly<Record<string, string>>,
    rules: FieldRules,
    hidden: HiddenValues,
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => {
        const action = rules.ofName(name);
        if (action === 'remove') return [];
        const shown =
          action === undefined || action === 'keep'
            ? this.#text(value, rules, hidden)
            : maskedText(value, action);
        return [[name, shown]];
      }),
    );
  }

  #summary<T extends DeadLetterSummary>(
    deadLetter: T,
    rules: FieldRules,
    hidden: HiddenValues | undefined,
  ): T {
    const { key, correlationId, ...rest } = deadLetter;
    const shownKey = key === undefined ? undefined : this.#key(key, rules, hidden);
    return {
      ...rest,
      ...(shownKey !== undefined && { key: shownKey }),
      ...(correlationId !== undefined && { correlationId: this.#text(correlationId, rules, hidden) }),
      error: this.#error(deadLetter.error, rules, hidden),
    } as unknown as T;
  }

  #error(error: DeadLetterError, rules: FieldRules, hidden: HiddenValues | undefined): DeadLetterError {
    const show = (text: string): string =>
      hidden?.isOverfull === true ? MARK : this.#text(text, rules, hidden);
    return {
      ...error,
      message: show(error.message),
      ...(error.stack !== undefined && { stack: show(error.stack) }),
    };
  }
}

function matcherOf(topics: readonly string[] | undefined): (topic: string) => boolean {
  if (topics === undefined) return () => true;
  const patterns = topics.map(compilePattern);
  return (topic) => patterns.some((matches) => matches(topic));
}

function jsonOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
