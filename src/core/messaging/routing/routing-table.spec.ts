import { problemsOfRoutes, RoutingTable } from './routing-table.js';

describe('the routing table', () => {
  it('takes the first route that matches', () => {
    const table = new RoutingTable([
      { match: 'audit.**', transport: 'events' },
      { match: 'audit.login', transport: 'never' },
      { match: '*.urgent', transport: 'fast' },
      { match: '**', transport: 'main' },
    ]);
    expect(
      ['audit.login', 'orders.urgent', 'orders.placed', 'x'].map((topic) => table.resolve(topic)),
    ).toEqual(['events', 'fast', 'main', 'main']);
  });

  it('has no answer when nothing matches', () => {
    expect(
      new RoutingTable([{ match: 'orders.*', transport: 'main' }]).resolve('audit.login'),
    ).toBeUndefined();
  });

  it('reports transports that are not configured and patterns that are none', () => {
    const problems = problemsOfRoutes(
      [
        { match: 'orders.+', transport: 'main' },
        { match: '**', transport: 'mian' },
      ],
      new Set(['main', 'local']),
    );
    expect(problems).toEqual([
      expect.stringContaining('Route "orders.+" has the segment "+"'),
      expect.stringContaining(
        'names the transport "mian", which is not configured. Configured: main, local.',
      ),
    ]);
  });
});
