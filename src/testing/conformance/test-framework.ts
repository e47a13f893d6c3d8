/**
 * What the suite needs of a test framework: `describe` and `it` of Jest, vitest or `node:test`, and the `expect` of Jest (also
 * the package `expect`) or vitest. The suite imports none.
 */
export interface TestFramework {
  readonly describe: (title: string, define: () => void) => unknown;
  readonly it: DefineTest;
  readonly expect: Expect;
}

export interface DefineTest {
  /** @param timeoutMs of this test. `node:test` does not read it and has no timeout. */
  (title: string, run: () => Promise<void>, timeoutMs?: number): unknown;
  /** Lists a test that does not run. */
  skip(title: string, run: () => void): unknown;
}

export type Expect = (actual: unknown) => Matchers;

/** The matchers that the cases use. */
export interface Matchers {
  toBe(expected: unknown): void;
  toBeGreaterThan(expected: number): void;
  toBeGreaterThanOrEqual(expected: number): void;
  toBeInstanceOf(expected: new (...args: never[]) => unknown): void;
  toBeLessThan(expected: number): void;
  toBeLessThanOrEqual(expected: number): void;
  toBeUndefined(): void;
  toContain(expected: unknown): void;
  toEqual(expected: unknown): void;
  toHaveLength(expected: number): void;
  toMatchObject(expected: object): void;
  readonly rejects: {
    toBeInstanceOf(expected: new (...args: never[]) => unknown): Promise<void>;
    toMatchObject(expected: object): Promise<void>;
  };
}
