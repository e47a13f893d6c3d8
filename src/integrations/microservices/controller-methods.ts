import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { PATTERN, PATTERN_EXTRAS, PATTERN_HANDLER, TRANSPORT } from './nest-metadata.js';

/**
 * Names of the methods that Nest registers.
 *
 * Nest says neither class nor method when it registers a handler, only pattern and extras. Each decorated method has an object
 * of extras of its own; only controllers that inherit a method share one, and Nest registers those in the order of discovery.
 */
@Injectable()
export class ControllerMethods {
  #names: Map<unknown, string[]> | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** `Class.method` of what Nest registers now with these extras. */
  nextName(extras: unknown): string | undefined {
    return (this.#names ??= this.#find()).get(extras)?.shift();
  }

  /** Names of the methods that are bound to one of these transports; `undefined` stands for all. */
  boundTo(transports: readonly unknown[]): string[] {
    return this.#decorated()
      .filter(({ handler }) => transports.includes(Reflect.getMetadata(TRANSPORT, handler)))
      .map(({ name }) => name);
  }

  #find(): Map<unknown, string[]> {
    const names = new Map<unknown, string[]>();
    for (const { name, handler } of this.#decorated()) {
      const extras: unknown = Reflect.getMetadata(PATTERN_EXTRAS, handler);
      const patterns = Reflect.getMetadata(PATTERN, handler) as readonly unknown[];
      names.set(extras, [...(names.get(extras) ?? []), ...patterns.map(() => name)]);
    }
    return names;
  }

  #decorated(): { readonly name: string; readonly handler: object }[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (typeof metatype !== 'function') return [];
      const prototype = metatype.prototype as Readonly<Record<string, object>>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((method) => ({ name: `${metatype.name}.${method}`, handler: prototype[method] as object }))
        .filter(({ handler }) => Reflect.getMetadata(PATTERN_HANDLER, handler) !== undefined);
    });
  }
}
