import type { AnyMessageType, MessageType } from '../message/message-type.js';
import { aliasesOf } from '../message/message-type.js';
import { type AnyRequestType, isRequestType, problemsOfType } from '../message/request-type.js';
import type { HandlerDefaults } from '../messaging.options.js';
import { compilePattern, isPattern, problemOfPattern } from '../routing/topic-pattern.js';
import { isName } from '../ports/names.js';
import type { DiscoveredHandler } from './discovered-handler.js';
import type { HandlerEntry } from './handler-entry.js';
import {
  problemsOfGivenOptions,
  problemsOfHandlerOptions,
  resolveHandlerOptions,
  resolveRequestOptions,
} from './handler-options.js';

export interface RegistryInput {
  readonly service: string;
  readonly defaults: HandlerDefaults;
  readonly handlers: readonly DiscoveredHandler[];
  /** Registered besides those that handlers name. */
  readonly types: readonly AnyMessageType[];
  readonly hasIdempotencyStore: boolean;
}

/** Every message type and every handler of the application, checked; what is wrong is collected, not thrown. */
export class HandlerRegistry {
  readonly problems: string[] = [];
  readonly entries: readonly HandlerEntry[];
  readonly #types = new Map<string, AnyMessageType>();
  /** The type that has the name as an alias. */
  readonly #aliased = new Map<string, AnyMessageType>();
  readonly #patterns: ((topic: string) => boolean)[] = [];

  constructor(private readonly input: RegistryInput) {
    for (const type of input.types) this.#register(type, 'the registered messages');
    const handlers = input.handlers.filter((handler) => this.#hasTarget(handler));
    for (const { target, name } of handlers) if (isType(target)) this.#register(target, name);
    this.#registerAliases();
    this.entries = handlers.flatMap((handler) => this.#entriesOf(handler));
    this.#findDuplicates();
  }

  /** Every known request. */
  requests(): AnyRequestType[] {
    return [...this.#types.values()].filter((type) => isRequestType(type));
  }

  /** The message type of this name. */
  typeNamed(name: string): AnyMessageType | undefined {
    return this.#types.get(name);
  }

  /** Names of all known message types. */
  topics(): string[] {
    return [...new Set([...this.#types.keys(), ...this.entries.map((entry) => entry.topic)])];
  }

  /**
   * True when a wildcard handler would have handled this message type, had it been registered. Publishing it would
   * pass that handler by in silence.
   */
  isMissedByPattern(type: AnyMessageType): boolean {
    return (
      !isRequestType(type) &&
      !this.#types.has(type.name) &&
      this.#patterns.some((matches) => matches(type.name))
    );
  }

  #register(type: AnyMessageType, by: string): void {
    const known = this.#types.get(type.name);
    if (known === type) return;
    if (known) {
      this.problems.push(
        `Two message types are named "${type.name}" (the second comes from ${by}). Define it once and import it, or rename one.`,
      );
      return;
    }
    this.#types.set(type.name, type);
    this.problems.push(...problemsOfType(type));
  }

  /** Once all names are known, because an alias must not be one of them. */
  #registerAliases(): void {
    for (const type of this.#types.values())
      for (const alias of aliasesOf(type)) {
        const other = this.#types.has(alias) ? this.#types.get(alias) : this.#aliased.get(alias);
        if (other === type) continue; // reported with the type
        if (!other) this.#aliased.set(alias, type);
        else
          this.problems.push(
            `Message type "${type.name}" has the alias "${alias}", which ${other.name === alias ? 'is the name of another message type' : `is an alias of "${other.name}" as well`}. Remove one of them.`,
          );
      }
  }

  /** JavaScript, and files that import each other, may give anything. */
  #hasTarget({ name, target }: DiscoveredHandler): boolean {
    const given: unknown = target;
    if (typeof given === 'string' || given instanceof RegExp) return true;
    if (typeof given === 'object' && given !== null && 'schema' in given) return true;
    this.problems.push(
      `Handler ${name} names no message type: it is ${given === null ? 'null' : typeof given}. Give what defineMessage returns, or a topic. Files that import each other see undefined.`,
    );
    return false;
  }

  #entriesOf(handler: DiscoveredHandler): HandlerEntry[] {
    const isOfRequests = handler.isOfRequests ?? false;
    const resolve = isOfRequests ? resolveRequestOptions : resolveHandlerOptions;
    const { service, defaults } = this.input;
    const group = handler.hasOwnGroup ? `${service}.${handler.name}` : service;
    const options = resolve(handler.options, defaults, group);
    this.#checkKind(handler);
    for (const problem of [
      ...problemsOfGivenOptions(handler.options, isOfRequests),
      ...problemsOfHandlerOptions(options),
    ]) {
      this.problems.push(`Handler ${handler.name}: ${problem}.`);
    }
    if (options.idempotencyWindowMs > 0 && !this.input.hasIdempotencyStore) {
      this.problems.push(
        `Handler ${handler.name} sets idempotencyWindowMs, but the module has no idempotency store. Configure one, or set it to 0.`,
      );
    }
    return this.#typesOf(handler).map(([topic, type]) => ({
      ...options,
      topic,
      type: type as MessageType | undefined,
      ...(isOfRequests && isRequestType(type) ? { output: type.output } : {}),
      handler: handler.name,
      invoke: handler.invoke,
    }));
  }

  /** Requests are answered, messages are not. */
  #checkKind({ name, target, isOfRequests }: DiscoveredHandler): void {
    const type = typeof target === 'string' ? this.#types.get(target) : target;
    if (type instanceof RegExp) return; // it expands to messages only
    const isRequest = isRequestType(type);
    if (isRequest === (isOfRequests ?? false)) return;
    this.problems.push(
      isRequest
        ? `Handler ${name} handles "${type.name}", which is a request. Decorate it with @RequestHandler.`
        : `Handler ${name} is a request handler, and its type is no request. Give what defineRequest returns, or decorate it with @MessageHandler.`,
    );
  }

  #typesOf({ name, target }: DiscoveredHandler): [string, AnyMessageType | undefined][] {
    if (target instanceof RegExp) {
      const { source, flags } = target;
      // With g or y a test would begin where the last one ended.
      const expression = new RegExp(source, flags.replaceAll(/[gy]/g, ''));
      return this.#expand(name, source, (topic) => expression.test(topic));
    }
    if (typeof target !== 'string') return this.#namesOf(target);
    if (isPattern(target)) return this.#expandPattern(name, target);
    if (!isName(target)) {
      this.problems.push(
        `Handler ${name} names the topic ${JSON.stringify(target)}, which no topic can have.`,
      );
      return [];
    }
    const type = this.#types.get(target);
    return type ? this.#namesOf(type) : [[target, this.#aliased.get(target)]];
  }

  /** The topics that carry messages of the type: that of its name, and those of its aliases. */
  #namesOf(type: AnyMessageType): [string, AnyMessageType][] {
    const aliases = [...this.#aliased].filter(([, owner]) => owner.name === type.name);
    return [[type.name, type], ...aliases];
  }

  #expandPattern(handler: string, pattern: string): [string, AnyMessageType][] {
    const wrong = problemOfPattern(pattern);
    if (wrong === undefined) return this.#expand(handler, pattern, compilePattern(pattern));
    this.problems.push(`Handler ${handler} has the pattern "${pattern}", which ${wrong}.`);
    return [];
  }

  #expand(handler: string, pattern: string, matches: (topic: string) => boolean): [string, AnyMessageType][] {
    this.#patterns.push(matches);
    const named = [...this.#types.values()].filter((type) => !isRequestType(type) && matches(type.name));
    const found = new Map([
      ...named.flatMap((type) => this.#namesOf(type)),
      ...[...this.#aliased].filter(([alias]) => matches(alias)),
    ]);
    if (found.size === 0) {
      this.problems.push(
        `Handler ${handler} has the pattern "${pattern}", which matches no registered message type. Register them with MessagingModule.forFeature([...]) or the option messages.`,
      );
    }
    return [...found];
  }

  #findDuplicates(): void {
    const owners = new Map<string, string>();
    const answering = new Map<string, string>();
    for (const { topic, group, handler, output } of this.entries) {
      const first = answering.get(topic);
      if (output && first !== undefined)
        this.problems.push(
          `Two handlers answer the request "${topic}": ${first} and ${handler}. Its asker waits for one reply. Remove one.`,
        );
      if (output) answering.set(topic, handler);
      const claim = `${topic}\n${group}`;
      const owner = owners.get(claim);
      if (owner !== undefined) {
        this.problems.push(
          `Two handlers claim "${topic}" in group "${group}": ${owner} and ${handler}. Give one of them another group.`,
        );
      }
      owners.set(claim, handler);
    }
  }
}

function isType(target: DiscoveredHandler['target']): target is AnyMessageType {
  return typeof target !== 'string' && !(target instanceof RegExp);
}
