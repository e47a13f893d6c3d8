/** Names, states and error codes only: never hosts, users or texts of errors. */
export type HealthComponent = { readonly status: 'up' | 'degraded' | 'down' } & Readonly<
  Record<string, string | number | readonly string[]>
>;
