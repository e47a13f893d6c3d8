import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { PATTERN, PATTERN_EXTRAS, PATTERN_HANDLER } from './nest-metadata.js';

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

  #find(): Map<unknown, string[]> {
    const names = new Map<unknown, string[]>();
    for (const { metatype } of this.discovery.getControllers()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Readonly<Record<string, object>>;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        const handler = prototype[method] as object;
        if (Reflect.getMetadata(PATTERN_HANDLER, handler) === undefined) continue;
        const extras: unknown = Reflect.getMetadata(PATTERN_EXTRAS, handler);
        const patterns = Reflect.getMetadata(PATTERN, handler) as readonly unknown[];
        const known = names.get(extras) ?? [];
        names.set(extras, [...known, ...patterns.map(() => `${metatype.name}.${method}`)]);
      }
    }
    return names;
  }
}
