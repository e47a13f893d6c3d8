import { Injectable } from '@nestjs/common';
import {
  EXCEPTION_FILTERS_METADATA,
  GUARDS_METADATA,
  INTERCEPTORS_METADATA,
  PIPES_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import {
  ApplicationConfig,
  type ContextId,
  ContextIdFactory,
  type DiscoveryService,
  ExternalContextCreator,
  ModuleRef,
  ModulesContainer,
  type NestContainer,
} from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import type { MessageContext } from '../message/message-context.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Invoke = (payload: unknown, context: MessageContext) => unknown;
type Method = (payload: unknown, context: MessageContext) => unknown;
type Host = Record<string, Method>;

const CONTEXT_TYPE = 'messaging';
const PARAMETERS_METADATA = 'switchyard:parameters';
/** Nest's number for a body parameter: pipes such as ValidationPipe work on those. */
const BODY = 3;
/** Nest's number for a request parameter, which pipes leave alone. */
const REQUEST = 0;

/** Makes handler methods callable with everything that Nest lays around them, and with no more than that. */
@Injectable()
export class HandlerInvokerService {
  #creator: ExternalContextCreator | undefined;
  #globalEnhancers = false;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
    private readonly nestCreator: ExternalContextCreator,
  ) {}

  /** Must be called before the first `create`. */
  useGlobalEnhancers(use: boolean): void {
    this.#globalEnhancers = use;
  }

  /** A function that runs guards, pipes, interceptors, the method and exception filters. */
  create(wrapper: Wrapper, method: string): Invoke {
    if (!wrapper.isDependencyTreeStatic()) return this.#perMessage(wrapper, method);
    const instance = wrapper.instance as Host;
    const callback = methodOf(instance, method);
    return this.#isEnhanced(instance, callback, method)
      ? this.#enhanced(instance, method)
      : direct(instance, callback);
  }

  /**
   * REQUEST scope: an instance a message, and `REQUEST` injects the message context. The application's `ContextIdStrategy`
   * sees that context as it sees an HTTP request, so that durable providers are shared by the messages of one tenant.
   */
  #perMessage(wrapper: Wrapper, method: string): Invoke {
    return async (payload, context) => {
      const contextId = ContextIdFactory.getByRequest(context);
      // What a tenant shares outlives the message, so only the strategy's payload is its request.
      const isShared = contextId.getParent !== undefined && wrapper.isDependencyTreeDurable();
      const request: unknown = isShared ? contextId.payload : withPayload(context, contextId.payload);
      this.moduleRef.registerRequestByContextId(request, contextId);
      const instance = await this.moduleRef.resolve<Host>(wrapper.token as string, contextId, {
        strict: false,
      });
      return this.#enhanced(instance, method, contextId, wrapper.id)(payload, context);
    };
  }

  #isEnhanced(instance: Host, callback: Method, method: string): boolean {
    const keys = [GUARDS_METADATA, PIPES_METADATA, INTERCEPTORS_METADATA, EXCEPTION_FILTERS_METADATA];
    const isBound = keys.some(
      (key) => Reflect.hasMetadata(key, callback) || Reflect.hasMetadata(key, instance.constructor),
    );
    return (
      isBound ||
      this.#globalEnhancers ||
      Reflect.hasMetadata(ROUTE_ARGS_METADATA, instance.constructor, method)
    );
  }

  #enhanced(instance: Host, method: string, contextId?: ContextId, inquirerId?: string): Invoke {
    const callback = methodOf(instance, method);
    describeParameters(instance, method);
    const hasFilters =
      this.#globalEnhancers ||
      Reflect.hasMetadata(EXCEPTION_FILTERS_METADATA, callback) ||
      Reflect.hasMetadata(EXCEPTION_FILTERS_METADATA, instance.constructor);
    this.#creator ??= this.#createCreator();
    return this.#creator.create(
      instance,
      callback as (...args: unknown[]) => unknown,
      method,
      PARAMETERS_METADATA,
      parametersFactory,
      contextId,
      inquirerId,
      // Without filters of the application Nest's own would log every failure that is going to be retried.
      { guards: true, interceptors: true, filters: hasFilters },
      CONTEXT_TYPE,
    );
  }

  /**
   * Nest's creator adds the application's global enhancers, which are usually written for HTTP, and looks for hosts among
   * providers only, so that guards of a controller would be skipped. Ours sees no global ones unless asked to, and
   * controllers as well.
   */
  #createCreator(): ExternalContextCreator {
    const modules = new Map(
      [...this.modules].map(([key, module]) => {
        const providers = new Map([...module.providers, ...module.controllers] as [unknown, unknown][]);
        const { injectables, entryProviders } = module;
        return [
          key,
          { providers, injectables, entryProviders, hasProvider: (token: unknown) => providers.has(token) },
        ];
      }),
    );
    // Nest offers no public way to its global enhancers; this is the creator's own container.
    const nest = this.nestCreator['container'] as NestContainer;
    const config = this.#globalEnhancers ? nest.applicationConfig : new ApplicationConfig();
    const container = { applicationConfig: config, getModules: () => modules };
    return ExternalContextCreator.fromContainer(container as unknown as NestContainer);
  }
}

/** The context with what the strategy adds to a request. Defined, because some names of a context have getters only. */
function withPayload(context: MessageContext, payload: unknown): MessageContext {
  if (typeof payload !== 'object' || payload === null) return context;
  for (const [name, value] of Object.entries(payload)) {
    Object.defineProperty(context, name, { value, configurable: true, enumerable: true, writable: true });
  }
  return context;
}

function methodOf(instance: Host, name: string): Method {
  const method = instance[name];
  if (!method) throw new TypeError(`${instance.constructor.name} has no method ${name}.`);
  return method;
}

/** Nothing bound: calling the method itself is five times as fast as going through Nest's wrapper. */
function direct(instance: Host, callback: Method): Invoke {
  return (payload, context) => {
    const result = callback.call(instance, payload, context);
    return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
  };
}

const parametersFactory = {
  exchangeKeyForValue: (type: number, _data: unknown, args: unknown[]): unknown =>
    args[type === BODY ? 0 : 1],
};

/** The first parameter is the payload and the second the context, unless a parameter decorator says otherwise. */
function describeParameters(instance: Host, method: string): void {
  const custom = (Reflect.getMetadata(ROUTE_ARGS_METADATA, instance.constructor, method) ?? {}) as Record<
    string,
    { readonly index: number }
  >;
  const taken = new Set(Object.values(custom).map((parameter) => parameter.index));
  const described: Record<string, unknown> = { ...custom };
  if (!taken.has(0)) described[`${BODY}:0`] = { index: 0, data: undefined, pipes: [] };
  if (!taken.has(1)) described[`${REQUEST}:1`] = { index: 1, data: undefined, pipes: [] };
  Reflect.defineMetadata(PARAMETERS_METADATA, described, instance.constructor, method);
}
