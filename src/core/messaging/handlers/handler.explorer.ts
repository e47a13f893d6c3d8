import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { type DiscoveredHandler, RegisteredMessages } from './discovered-handler.js';
import { HandlerInvokerService } from './handler-invoker.service.js';
import {
  MESSAGE_HANDLER_METADATA,
  type MessageHandlerMetadata,
  type MessageHandlerOptions,
  type MessageHandlerOptionsFactory,
} from './message-handler.decorator.js';
import type { AnyMessageType } from '../message/message-type.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Finds decorated methods on providers and controllers, and the message types that feature modules register. */
@Injectable()
export class HandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly moduleRef: ModuleRef,
    private readonly invoker: HandlerInvokerService,
  ) {}

  async handlers(): Promise<DiscoveredHandler[]> {
    const seen = new Set<unknown>();
    const found: DiscoveredHandler[] = [];
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const host = hostOf(wrapper);
      if (!host || seen.has(host)) continue;
      seen.add(host);
      found.push(...(await this.#handlersOf(wrapper)));
    }
    return found;
  }

  registeredMessages(): AnyMessageType[] {
    return this.discovery
      .getProviders()
      .map((wrapper): unknown => wrapper.instance)
      .filter((instance) => instance instanceof RegisteredMessages)
      .flatMap((registered) => registered.types);
  }

  async #handlersOf(wrapper: Wrapper): Promise<DiscoveredHandler[]> {
    const prototype = prototypeOf(wrapper);
    if (!prototype) return [];
    const found: DiscoveredHandler[] = [];
    for (const method of this.scanner.getAllMethodNames(prototype)) {
      const callback = prototype[method] as object;
      const all = (Reflect.getMetadata(MESSAGE_HANDLER_METADATA, callback) ?? []) as MessageHandlerMetadata[];
      for (const metadata of all) {
        found.push({
          name: `${prototype.constructor.name}.${method}`,
          target: metadata.target,
          options: await this.#optionsOf(metadata),
          invoke: this.invoker.create(wrapper, method),
        });
      }
    }
    return found;
  }

  async #optionsOf({ options }: MessageHandlerMetadata): Promise<MessageHandlerOptions> {
    if (!hasFactory(options)) return options;
    const dependencies = (options.inject ?? []).map((token): unknown => {
      const isOptional = typeof token === 'object' && 'token' in token;
      return this.moduleRef.get((isOptional ? token.token : token) as string, { strict: false });
    });
    return options.useFactory(...dependencies);
  }
}

function prototypeOf(wrapper: Wrapper): Record<string, unknown> | undefined {
  const instance = wrapper.instance as object | undefined;
  if (
    wrapper.isDependencyTreeStatic() &&
    typeof instance === 'object' &&
    (instance as object | null) !== null
  ) {
    return Object.getPrototypeOf(instance) as Record<string, unknown>;
  }
  const metatype = wrapper.metatype as { prototype?: Record<string, unknown> } | null;
  return wrapper.isDependencyTreeStatic() ? undefined : metatype?.prototype;
}

/** What makes two wrappers the same handler host: the instance, or the class of one that is made per message. */
function hostOf(wrapper: Wrapper): unknown {
  return wrapper.isDependencyTreeStatic() ? (wrapper.instance as unknown) : wrapper.metatype;
}

/** JavaScript may give anything; the registry reports it. */
function hasFactory(options: MessageHandlerMetadata['options']): options is MessageHandlerOptionsFactory {
  return typeof options === 'object' && (options as object | null) !== null && 'useFactory' in options;
}
