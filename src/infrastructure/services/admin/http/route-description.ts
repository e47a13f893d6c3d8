import type { z } from 'zod';
import type { PROBLEM } from './problem.js';

/** What one status of a route means. Without a schema it has no body. */
export interface DescribedAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** @default 'application/json' */
  readonly mediaType?: string;
  /** Its headers, each with what it says. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route of the admin API takes and returns, in the schemas that parse it. The OpenAPI document is made from it. */
export interface RouteDescription {
  readonly summary: string;
  readonly query?: z.ZodType;
  /** Headers that change what the route does. */
  readonly headers?: z.ZodType;
  readonly body?: z.ZodType;
  /**
   * How it treats callers that see some topics only. `checked`: it answers what concerns their topics, and nothing else.
   * `none`: it says and does nothing about topics. A route without it denies them.
   */
  readonly topics?: 'checked' | 'none';
  /** By status. */
  readonly answers: Readonly<Record<number, DescribedAnswer>>;
  /** Besides those that every route may return. */
  readonly problems?: readonly (keyof typeof PROBLEM)[];
}
