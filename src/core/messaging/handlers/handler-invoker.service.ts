import {
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
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
import { handlingContext } from '../message/handling-context.js';
import type { MessageContext } from '../message/message-context.js';
import { runToEnd } from './run-to-end.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Invoke = (payload: unknown, context: MessageContext) => unknown;
type Method = (payload: unknown, context: MessageContext) => unknown;
type Host = Record<string, Method>;
/** What Nest runs exception filters with. It does not export the types. */
interface Filters {
  next(error: unknown, host: ArgumentsHost): unknown;
  invokeCustomFilters(error: unknown, host: ArgumentsHost): unknown;
}
interface ErrorProxy {
  createProxy(target: unknown, filters: Pick<Filters, 'next'>, type: unknown): unknown;
}
type ModulesView = Map<string, object>;

const CONTEXT_TYPE = 'messaging';
const ENHANCERS = [GUARDS_METADATA, PIPES_METADATA, INTERCEPTORS_METADATA, EXCEPTION_FILTERS_METADATA];
const PARAMETERS_METADATA = 'switchyard:parameters';
/** Nest's number for a body parameter: pipes such as ValidationPipe work on those. */
const BODY = 3;
/** Nest's number for `@Headers()`. */
const HEADERS = 6;
/** Nest's number for a request parameter, which pipes leave alone. */
const REQUEST = 0;

/** Enhancers of one module in place of those that Nest has. */
interface MadeEnhancers {
  readonly of: Wrapper['host'];
  readonly injectables: ReadonlyMap<unknown, unknown>;
}

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

  /** Whether the function at boot lacks enhancers that the decorated one has: a decorator above or an override dropped them. */
  losesEnhancers(decorated: unknown, atBoot: unknown): boolean {
    if (typeof decorated !== 'function' || typeof atBoot !== 'function' || decorated === atBoot) return false;
    return ENHANCERS.some((key) => Reflect.hasMetadata(key, decorated) && !Reflect.hasMetadata(key, atBoot));
  }

  /**
   * A function that runs guards, pipes, interceptors, the method and exception filters. The method is looked up with
   * every call, so that one that was replaced later, by a spy or by the instance itself, is called.
   *
   * @param host the instance, or the prototype of those that Nest makes per message.
   */
  async create(wrapper: Wrapper, host: object, method: string): Promise<Invoke> {
    const original = methodOf(host as Host, method);
    const made = wrapper.isDependencyTreeStatic() ? await this.#transientsOf(wrapper) : undefined;
    if (!wrapper.isDependencyTreeStatic() || this.#hasScopedGlobals())
      return this.#perMessage(wrapper, { original, method }, made);
    const instance = wrapper.instance as Host;
    if (!this.#isEnhanced(instance, original, method))
      return (payload, context) => methodOf(instance, method).call(instance, payload, context);
    const creator = made ? this.#createCreator(this.#globals(), made) : this.#sharedCreator();
    const enhanced = enhance(creator, { instance, original, method });
    return (payload, context) =>
      instance[method] === original
        ? enhanced(payload, context)
        : enhance(creator, { instance, original, method })(payload, context);
  }

  /**
   * REQUEST scope: an instance a message, and `REQUEST` injects the message context. The application's `ContextIdStrategy`
   * sees that context as it sees an HTTP request, so that durable providers are shared by the messages of one tenant.
   */
  #perMessage(wrapper: Wrapper, called: Called, made: MadeEnhancers | undefined): Invoke {
    return async (payload, context) => {
      const contextId = ContextIdFactory.getByRequest(context);
      // What a tenant shares outlives the message, so only the strategy's payload is its request.
      const isShared = contextId.getParent !== undefined && wrapper.isDependencyTreeDurable();
      const request: unknown = isShared ? contextId.payload : withPayload(context, contextId.payload);
      this.moduleRef.registerRequestByContextId(request, contextId);
      const creator = this.#hasScopedGlobals()
        ? this.#createCreator(await this.#globalsFor(contextId), made)
        : this.#sharedCreator();
      if (wrapper.isDependencyTreeStatic())
        return enhance(creator, { instance: wrapper.instance as Host, ...called })(payload, context);
      const instance = await this.moduleRef.resolve<Host>(wrapper.token as string, contextId, {
        strict: false,
      });
      const scope = { contextId, inquirerId: wrapper.id };
      return enhance(creator, { instance, ...called }, scope)(payload, context);
    };
  }

  #isEnhanced(instance: Host, callback: Method, method: string): boolean {
    const isBound = ENHANCERS.some(
      (key) => Reflect.hasMetadata(key, callback) || Reflect.hasMetadata(key, instance.constructor),
    );
    return (
      isBound ||
      this.#globalEnhancers ||
      Reflect.hasMetadata(ROUTE_ARGS_METADATA, instance.constructor, method)
    );
  }

  #sharedCreator(): ExternalContextCreator {
    return (this.#creator ??= this.#createCreator(this.#globals()));
  }

  /** The application's global enhancers are usually written for HTTP, so they take part only where that is asked for. */
  #globals(): ApplicationConfig {
    // Nest offers no public way to its global enhancers; this is the creator's own container.
    const nest = this.nestCreator['container'] as NestContainer;
    return this.#globalEnhancers ? (nest.applicationConfig as ApplicationConfig) : new ApplicationConfig();
  }

  /** Global enhancers that are made per request or per user. Nest runs them only before controllers. */
  #hasScopedGlobals(): boolean {
    const globals = this.#globals();
    return [
      globals.getGlobalRequestGuards(),
      globals.getGlobalRequestPipes(),
      globals.getGlobalRequestInterceptors(),
      globals.getGlobalRequestFilters(),
    ].some((wrappers) => wrappers.length > 0);
  }

  /** The global enhancers of one message, those included that are made for it. */
  async #globalsFor(contextId: ContextId): Promise<ApplicationConfig> {
    const globals = this.#globals();
    const config = new ApplicationConfig();
    const make = <T>(wrappers: readonly { readonly token: unknown }[]): Promise<T[]> =>
      Promise.all(
        wrappers.map(({ token }) => this.moduleRef.resolve<T>(token as string, contextId, { strict: false })),
      );
    config.useGlobalGuards(
      ...globals.getGlobalGuards(),
      ...(await make<CanActivate>(globals.getGlobalRequestGuards())),
    );
    config.useGlobalPipes(
      ...globals.getGlobalPipes(),
      ...(await make<PipeTransform>(globals.getGlobalRequestPipes())),
    );
    config.useGlobalInterceptors(
      ...globals.getGlobalInterceptors(),
      ...(await make<NestInterceptor>(globals.getGlobalRequestInterceptors())),
    );
    config.useGlobalFilters(
      ...globals.getGlobalFilters(),
      ...(await make<ExceptionFilter>(globals.getGlobalRequestFilters())),
    );
    return config;
  }

  /**
   * Nest makes enhancers of TRANSIENT scope for the routes of controllers; for a handler there is only a placeholder whose
   * constructor never ran. This makes those of one host. Undefined where it has none.
   */
  async #transientsOf(wrapper: Wrapper): Promise<MadeEnhancers | undefined> {
    // Undefined where there are none, whatever its type says.
    const enhancers = wrapper.getEnhancersMetadata() as Wrapper[] | undefined;
    const transients = enhancers?.filter(({ isTransient }) => isTransient) ?? [];
    if (transients.length === 0) return undefined;
    const injectables = new Map<unknown, unknown>();
    for (const enhancer of transients) {
      const instance: unknown = await this.moduleRef.resolve(enhancer.token as string, undefined, {
        strict: false,
      });
      const value = (): unknown => ({ instance, isResolved: true, isConstructorCalled: true });
      injectables.set(enhancer.token, Object.create(enhancer, { getInstanceByContextId: { value } }));
    }
    return { of: wrapper.host, injectables };
  }

  /**
   * Nest's creator looks for hosts among providers only, so that guards of a controller would be skipped. Ours sees
   * controllers as well.
   */
  #createCreator(applicationConfig: ApplicationConfig, made?: MadeEnhancers): ExternalContextCreator {
    const modules: ModulesView = new Map(
      [...this.modules].map(([key, module]) => {
        const providers = new Map([...module.providers, ...module.controllers] as [unknown, unknown][]);
        const injectables =
          made?.of === module
            ? new Map([...module.injectables, ...made.injectables] as [unknown, unknown][])
            : module.injectables;
        const { entryProviders } = module;
        return [
          key,
          { providers, injectables, entryProviders, hasProvider: (token: unknown) => providers.has(token) },
        ];
      }),
    );
    const container = { applicationConfig, getModules: () => modules };
    const creator = ExternalContextCreator.fromContainer(container as unknown as NestContainer);
    return endingAsHandlersDo(creator);
  }
}

interface Called {
  /** The method as it was at boot: it has the metadata, whatever is called. */
  readonly original: Method;
  readonly method: string;
}

function enhance(
  creator: ExternalContextCreator,
  { instance, original, method }: Called & { readonly instance: Host },
  scope?: { readonly contextId: ContextId; readonly inquirerId: string },
): Invoke {
  describeParameters(instance, method);
  return creator.create(
    instance,
    (instance[method] === original ? original : replaced(instance, original, method)) as (
      ...args: unknown[]
    ) => unknown,
    method,
    PARAMETERS_METADATA,
    parametersFactory,
    scope?.contextId,
    scope?.inquirerId,
    { guards: true, interceptors: true, filters: true },
    CONTEXT_TYPE,
  );
}

/** Calls what is there now, with the metadata of what was there at boot: a spy has none. */
function replaced(instance: Host, original: Method, method: string): Method {
  const call: Method = (payload, context) => methodOf(instance, method).call(instance, payload, context);
  Object.setPrototypeOf(call, original);
  return Object.defineProperty(call, 'name', { value: original.name });
}

/**
 * Nest's creator takes the last value of an Observable, fails where there is none, and knows no iterators; and it logs what
 * filters do not handle. Results end here as those of handlers without enhancers do, filters may be asynchronous, and
 * logging is up to the core.
 */
function endingAsHandlersDo(creator: ExternalContextCreator): ExternalContextCreator {
  creator['transformToResult'] = (result: unknown) => runToEnd(result, handlingContext.getStore());
  const proxy = creator['externalErrorProxy'] as unknown as ErrorProxy;
  const createProxy = proxy.createProxy.bind(proxy);
  proxy.createProxy = (target, filters, type) => {
    const next = async (error: unknown, host: ArgumentsHost): Promise<unknown> => {
      const result = (filters as Filters).invokeCustomFilters(error, host);
      const handled = await runToEnd(result, handlingContext.getStore());
      if (handled === undefined || handled === null) throw error;
      return handled;
    };
    return createProxy(target, { next }, type);
  };
  return creator;
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

const parametersFactory = {
  exchangeKeyForValue: (type: number, name: unknown, [payload, context]: unknown[]): unknown => {
    if (type === BODY) return propertyOf(payload, name);
    return type === HEADERS && typeof name === 'string'
      ? propertyOf((context as MessageContext).headers, name.toLowerCase())
      : context;
  },
};

/** What `@Payload('name')` picks, and all of it without a name. */
function propertyOf(value: unknown, name: unknown): unknown {
  if (typeof name !== 'string') return value;
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

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
