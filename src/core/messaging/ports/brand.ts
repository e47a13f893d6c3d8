/**
 * Makes `instanceof` of a class also recognise the instances that another copy of this package has created: a workspace may
 * install it twice, and a bundle may contain both of its builds. Subclasses without a brand of their own keep the usual
 * `instanceof`.
 *
 * @param name the same in all versions.
 */
export function brandInstances(type: abstract new (...args: never[]) => object, name: string): void {
  const brand = Symbol.for(`switchyard.${name}`);
  Object.defineProperty(type.prototype, brand, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== type) return isUsualInstance.call(this as typeof type, value);
      return typeof value === 'object' && value !== null && brand in value;
    },
  });
}

const isUsualInstance = Function.prototype[Symbol.hasInstance];
