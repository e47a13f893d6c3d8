import { compilePattern, isShownPattern, problemOfPattern } from './topic-pattern.js';

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

/** True for a short plain word. Any other text in place of a name may be a secret, and is not repeated. */
export function isShownName(name: unknown): boolean {
  return typeof name === 'string' && /^[a-z]{1,8}$/.test(name);
}

/** What is wrong with the routes: one sentence a mistake. */
export function problemsOfRoutes(routes: readonly Route[], transports: ReadonlySet<string>): string[] {
  return routes.flatMap(({ match, transport }, index) => {
    const at = isShownPattern(match) ? `Route "${match}"` : `Route ${index + 1} (pattern not shown)`;
    const wrong = problemOfPattern(match);
    return [
      ...(wrong === undefined ? [] : [`${at} ${wrong}.`]),
      ...(transports.has(transport) ? [] : [`${at} names ${unknownTransport(transport, [...transports])}`]),
    ];
  });
}

/** The end of a sentence about a name that no transport has. */
export function unknownTransport(name: string, known: readonly string[]): string {
  const which = isShownName(name) ? `the transport "${name}",` : 'a transport (name not shown)';
  return `${which} which is not configured. Configured: ${known.join(', ') || 'none'}.`;
}
