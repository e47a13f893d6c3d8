import { Inject, Injectable, Optional } from '@nestjs/common';
import { DiscoveryService, ModuleRef, ModulesContainer } from '@nestjs/core';
import { MESSAGING_OPTIONS } from '../messaging.tokens.js';
import type { AnyMessageType } from '../message/message-type.js';
import { decoratedMethodsOf, problemOfMethod } from './decorated-methods.js';
import {
  type DiscoveredHandler,
  HANDLER_SOURCE,
  type HandlerSource,
  RegisteredMessages,
} from './discovered-handler.js';
import { HandlerInvokerService } from './handler-invoker.service.js';
import type {
  DecoratedMethod,
  MessageHandlerOptions,
  MessageHandlerOptionsFactory,
} from './message-handler.decorator.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Methods = Record<string | symbol, unknown>;
type Token = NonNullable<MessageHandlerOptionsFactory['inject']>[number];

/** What is decorated in the application: handlers that can be called, and a sentence about each that cannot. */
export interface Discovered {
  readonly handlers: DiscoveredHandler[];
  readonly problems: string[];
}

/** Finds decorated methods on providers and controllers, and the message types that feature modules register. */
@Injectable()
export class HandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly modules: ModulesContainer,
    private readonly invoker: HandlerInvokerService,
  ) {}

  async discover(): Promise<Discovered> {
    const seen = new Set<unknown>();
    const found: Discovered = { handlers: [], problems: [] };
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const host = hostOf(wrapper);
      if (!host || seen.has(host)) continue;
      seen.add(host);
      for (const decorated of decoratedMethodsOf(host)) await this.#add(found, wrapper, host, decorated);
      this.#addStatic(found, wrapper);
    }
    for (const module of this.modules.values())
      for (const wrapper of module.injectables.values()) this.#addEnhancer(found, wrapper);
    for (const source of this.#sources()) {
      const added = source[HANDLER_SOURCE]();
      found.handlers.push(...added.handlers);
      found.problems.push(...added.problems);
    }
    return found;
  }

  /** How many messaging modules with options of their own the application imports. */
  buses(): number {
    return [...this.modules.values()].filter(({ providers }) => providers.has(MESSAGING_OPTIONS)).length;
  }

  registeredMessages(): AnyMessageType[] {
    return this.discovery
      .getProviders()
      .map((wrapper): unknown => wrapper.instance)
      .filter((instance) => instance instanceof RegisteredMessages)
      .flatMap((registered) => registered.types);
  }

  /** Each once, although aliases name it too. */
  #sources(): ReadonlySet<HandlerSource> {
    const instances = this.discovery.getProviders().map((wrapper): unknown => wrapper.instance);
    return new Set(instances.filter(isSource));
  }

  async #add(found: Discovered, wrapper: Wrapper, host: object, decorated: DecoratedMethod): Promise<void> {
    const name = `${nameOf(wrapper, host)}.${String(decorated.property)}`;
    const wrong =
      problemOfHost(wrapper) ?? problemOfMethod(host, decorated) ?? this.#lossOf(host as Methods, decorated);
    if (wrong !== undefined) {
      found.problems.push(`Handler ${name} ${wrong}.`);
      return;
    }
    const { target, options, isOfRequests } = decorated;
    try {
      found.handlers.push({
        name,
        target,
        options: hasFactory(options) ? await computeOptions(options, wrapper.host, name) : options,
        ...(isOfRequests && { isOfRequests }),
        invoke: await this.invoker.create(wrapper, host, String(decorated.property)),
      });
    } catch (error) {
      found.problems.push(`Handler ${name}: its options cannot be computed. ${firstLineOf(error)}`);
    }
  }

  #lossOf(host: Methods, { property, method }: DecoratedMethod): string | undefined {
    return this.invoker.losesEnhancers(method, host[property])
      ? 'was replaced by a function without its guards, pipes, interceptors or filters. Put their decorators above the one that wraps the method, or on the override'
      : undefined;
  }

  #addStatic(found: Discovered, { metatype }: Wrapper): void {
    if (typeof metatype !== 'function') return;
    for (const { property } of decoratedMethodsOf(metatype)) {
      found.problems.push(
        `Handler ${metatype.name}.${String(property)} is a static method, and handlers are methods of instances. Remove "static".`,
      );
    }
  }

  #addEnhancer(found: Discovered, { metatype }: Wrapper): void {
    const prototype = (metatype as { prototype?: object } | null)?.prototype;
    for (const { property } of decoratedMethodsOf(prototype ?? null)) {
      found.problems.push(
        `Handler ${metatype?.name ?? ''}.${String(property)} is a method of a guard, pipe, interceptor or filter. Move it to a provider.`,
      );
    }
  }
}

function isSource(instance: unknown): instance is HandlerSource {
  return typeof instance === 'object' && instance !== null && HANDLER_SOURCE in instance;
}

/** What has the decorated methods: the instance, or the prototype of those that Nest makes later. */
function hostOf(wrapper: Wrapper): object | undefined {
  if (wrapper.isAlias) return undefined;
  if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) {
    const instance: unknown = wrapper.instance;
    return typeof instance === 'object' && instance !== null ? instance : undefined;
  }
  // Of a factory only the token may say what it makes.
  const made = isFactory(wrapper) ? wrapper.token : wrapper.metatype;
  return typeof made === 'function' ? (made.prototype as object | undefined) : undefined;
}

function isFactory(wrapper: Wrapper): boolean {
  return wrapper.inject !== null && wrapper.inject !== undefined;
}

function problemOfHost(wrapper: Wrapper): string | undefined {
  return wrapper.isTransient
    ? 'is a method of a provider of TRANSIENT scope, of which there is an instance for every injector and none for messages. Use the default scope, or REQUEST for an instance a message'
    : undefined;
}

/** An object literal has no class worth naming; its token says more. */
function nameOf(wrapper: Wrapper, host: object): string {
  const { name } = host.constructor;
  return name === 'Object' ? String(wrapper.name) : name;
}

function firstLineOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'The factory threw no Error.';
}

/**
 * Runs the factory with what it injects. Nest resolves the tokens where the handler is provided: in its module, then
 * in what that imports, then in global modules.
 */
async function computeOptions(
  { useFactory, inject = [] }: MessageHandlerOptionsFactory,
  host: Wrapper['host'],
  handler: string,
): Promise<MessageHandlerOptions> {
  const dependencies = inject.length > 0 ? await resolve(inject, host, handler) : [];
  return useFactory(...dependencies);
}

/** `ModuleRef.get` knows neither imports nor optional tokens; the constructor of a class that Nest makes does. */
async function resolve(
  tokens: readonly Token[],
  host: Wrapper['host'],
  handler: string,
): Promise<readonly unknown[]> {
  class Dependencies {
    readonly values: readonly unknown[];
    constructor(...values: readonly unknown[]) {
      this.values = values;
    }
  }
  // The name appears in what Nest says about a dependency that it cannot resolve.
  Object.defineProperty(Dependencies, 'name', { value: `options of ${handler}` });
  tokens.forEach((token, index) => {
    const isDetailed = typeof token === 'object' && 'token' in token;
    Inject(isDetailed ? token.token : token)(Dependencies, undefined, index);
    if (isDetailed && token.optional) Optional()(Dependencies, undefined, index);
  });
  const moduleRef = host?.getProviderByKey<ModuleRef>(ModuleRef).instance;
  const { values } = (await moduleRef?.create(Dependencies)) ?? { values: [] };
  return values;
}

/** JavaScript may give anything; the registry reports it. */
function hasFactory(options: DecoratedMethod['options']): options is MessageHandlerOptionsFactory {
  return typeof options === 'object' && (options as object | null) !== null && 'useFactory' in options;
}
