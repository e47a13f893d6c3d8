import type { Type } from '@nestjs/common';

/** What a host adds to controllers of ours. */
export interface HostDecorators {
  /** Class decorators for the controllers, such as the `Public()` that a global guard of the host looks for. */
  readonly decorators?: readonly ClassDecorator[];
}

/** The controllers with the decorators of one host. The classes themselves stay as they are, because another host may use them too. */
export function decorated<T extends Type>(
  controllers: readonly T[],
  { decorators = [] }: HostDecorators,
): readonly T[] {
  return decorators.length === 0
    ? controllers
    : controllers.map((controller) => derive(controller, decorators));
}

function derive<T extends Type>(controller: T, decorators: readonly ClassDecorator[]): T {
  const derived = { [controller.name]: class extends controller {} }[controller.name] as T;
  for (const decorate of decorators) decorate(derived);
  return derived;
}
