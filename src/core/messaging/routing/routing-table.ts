import { compilePattern, problemOfPattern } from './topic-pattern.js';

/** Sends the topics that match to a transport. */
export interface Route {
  /** A topic, or a pattern: `*` stands for one segment, `**` for any number. */
  readonly match: string;
  /** Name of a configured transport. */
  readonly transport: string;
}

/** Decides which transport carries a topic: the first route that matches. */
export class RoutingTable {
  readonly #routes: readonly { readonly matches: (topic: string) => boolean; readonly transport: string }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({
      matches: compilePattern(route.match),
      transport: route.transport,
    }));
  }

  /** Name of the transport, or undefined when no route matches. Callers keep the answer: topics are few. */
  resolve(topic: string): string | undefined {
    return this.#routes.find((route) => route.matches(topic))?.transport;
  }
}

/** What is wrong with the routes: one sentence a mistake. */
export function problemsOfRoutes(routes: readonly Route[], transports: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  for (const route of routes) {
    const wrong = problemOfPattern(route.match);
    if (wrong !== undefined) problems.push(`Route "${route.match}" ${wrong}.`);
    if (!transports.has(route.transport)) {
      const known = [...transports].join(', ') || 'none';
      problems.push(
        `Route "${route.match}" names the transport "${route.transport}", which is not configured. Configured: ${known}.`,
      );
    }
  }
  return problems;
}
