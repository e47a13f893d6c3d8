import type { FactoryProvider, InjectionToken, Type } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { MessagingConfigurationError } from '../../../core/messaging/ports/errors.js';

/** What a host adds to controllers of ours. */
export interface HostDecorators {
  /**
   * Class decorators for the controllers, such as the `Public()` that a global guard of the host looks for, or
   * `UseGuards(...)`, whose guards run before ours and find their providers in `imports`.
   */
  readonly decorators?: readonly ClassDecorator[];
}

/** Options that a function computes from providers of `imports`, or of global modules. */
export interface ComputedOptions<T> {
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<T>['useFactory'];
}

/** The metadata of `@ApiExcludeController()`, from whose package nothing else is needed. */
const HIDDEN_FROM_SWAGGER = 'swagger/apiExcludeController';

/**
 * The controllers for one host: hidden from its Swagger document, unless it decorates them otherwise, and with its
 * decorators. The classes themselves stay as they are, because another host may use them too.
 */
export function decorated<T extends Type>(
  controllers: readonly T[],
  { decorators = [] }: HostDecorators,
): readonly T[] {
  return controllers.map((controller) => derive(controller, decorators));
}

function derive<T extends Type>(controller: T, decorators: readonly ClassDecorator[]): T {
  const derived = { [controller.name]: class extends controller {} }[controller.name] as T;
  for (const decorate of decorators) decorate(derived);
  if (!Reflect.hasMetadata(HIDDEN_FROM_SWAGGER, derived))
    Reflect.defineMetadata(HIDDEN_FROM_SWAGGER, [true], derived);
  const own = guardsOf(controller);
  const all = guardsOf(derived);
  // Those of the host first, because an authorizer may use what they have stored in the request.
  if (all.length > own.length)
    Reflect.defineMetadata(GUARDS_METADATA, [...all.slice(own.length), ...own], derived);
  return derived;
}

function guardsOf(controller: Type): readonly unknown[] {
  return (Reflect.getMetadata(GUARDS_METADATA, controller) as readonly unknown[] | undefined) ?? [];
}

/** A provider of the completed options. @throws MessagingConfigurationError without a factory. */
export function computedProvider<T>(
  provide: InjectionToken,
  moduleName: string,
  { inject = [], useFactory }: ComputedOptions<T>,
  complete: (given: T) => unknown,
): FactoryProvider {
  // JavaScript may leave it out.
  if (typeof useFactory !== 'function')
    throw new MessagingConfigurationError([
      `${moduleName}.forRootAsync needs useFactory: a function that returns the options.`,
    ]);
  return {
    provide,
    inject: [...inject],
    useFactory: async (...injected: unknown[]) => complete(await useFactory(...injected)),
  };
}
