import 'reflect-metadata';
import { type DecoratedMethod, DECORATED_METHODS } from './message-handler.decorator.js';

/**
 * The decorated methods of an object, those that it inherits included. A subclass that decorates a method again
 * replaces what its parent says about it.
 */
export function decoratedMethodsOf(object: object | null): DecoratedMethod[] {
  const found = new Map<string | symbol, DecoratedMethod[]>();
  for (let owner = object; owner !== null; owner = parentOf(owner)) {
    for (const [property, methods] of byProperty(ownDecorated(owner)))
      if (!found.has(property)) found.set(property, methods);
  }
  return [...found.values()].flat();
}

/** Why Nest could not call the decorated method, as the end of a sentence about it; undefined when it can. */
export function problemOfMethod(object: object, { property }: DecoratedMethod): string | undefined {
  if (typeof property === 'symbol') return 'is named by a symbol. Give it a name';
  const descriptor = descriptorOf(object, property);
  if (descriptor?.get) return 'is a getter. Make it a method';
  const method: unknown = descriptor?.value;
  if (typeof method !== 'function')
    return 'is a property and not a method. Write it as a method of the class';
  if (isGenerator(method)) {
    return 'is a generator function, whose body runs only while its values are read. Make it an async method';
  }
  return undefined;
}

function ownDecorated(owner: object): readonly DecoratedMethod[] {
  return (Reflect.getOwnMetadata(DECORATED_METHODS, owner) ?? []) as DecoratedMethod[];
}

function byProperty(methods: readonly DecoratedMethod[]): Map<string | symbol, DecoratedMethod[]> {
  const grouped = new Map<string | symbol, DecoratedMethod[]>();
  for (const method of methods)
    grouped.set(method.property, [...(grouped.get(method.property) ?? []), method]);
  return grouped;
}

function descriptorOf(object: object, property: string): PropertyDescriptor | undefined {
  for (let owner: object | null = object; owner !== null; owner = parentOf(owner)) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, property);
    if (descriptor) return descriptor;
  }
  return undefined;
}

function isGenerator(method: object): boolean {
  const { name } = method.constructor;
  return name === 'GeneratorFunction' || name === 'AsyncGeneratorFunction';
}

function parentOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null;
}
