import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCommand } from '../run-command.js';

const counts = { published: 7, publishFailed: 1, handled: 5, failed: 2, deadLettered: 1 };

const OVERVIEW = {
  at: '2026-01-31T12:00:00.000Z',
  status: 'ok',
  state: 'running',
  startedAt: '2026-01-31T10:00:00.000Z',
  draining: { scope: 'process', isDraining: false },
  transports: {
    scope: 'process',
    items: [
      { name: 'main', system: 'failover', isUp: true, since: '2026-01-31T10:00:00.000Z', active: ['a'] },
    ],
  },
  problems: { scope: 'process', total: 0, items: [] },
  spools: { scope: 'process', messages: 0, items: [] as object[] },
  backlogs: [
    { transport: 'main', scope: 'shared', ready: 3, inFlight: 1, delayed: 0, groups: 2, unanswered: 0 },
  ],
  deadLetters: { scope: 'shared', total: 9, pending: 4, lastHour: 2 } as object,
  traffic: {
    scope: 'process',
    sinceStart: { seconds: 7200, ...counts },
    lastMinute: { seconds: 60, ...counts },
    lastFiveMinutes: { seconds: 300, ...counts },
  },
  paused: { scope: 'shared', isCurrent: true, total: 0, items: [] as object[] },
  killSwitches: { scope: 'process', total: 0, items: [] as object[] },
  components: { messaging: { status: 'up', state: 'running' } } as Record<string, object>,
};

let server: Server;
let answer: object;

beforeEach(async () => {
  answer = OVERVIEW;
  server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/messaging`;
  const exit = await runCommand([...args, '--url', url], {
    out: (text) => void (out += `${text}\n`),
    err: (text) => void (err += `${text}\n`),
  });
  return { exit, out, err };
}

describe('switchyard health', () => {
  it('ends with 0 for an application that is well', async () => {
    const { exit, out } = await run('health');
    expect(exit).toBe(0);
    expect(out).toBe(
      'The application is ok (running) at 2026-01-31T12:00:00.000Z.\n\nCOMPONENT  STATUS\nmessaging  up\n',
    );
  });

  it.each(['degraded', 'error', 'shutting_down'])(
    'ends with 1 for one that is %s, and says why',
    async (status) => {
      const missing = ['orders.placed/billing on main: paused\u001b[2J', 'b'];
      answer = {
        ...OVERVIEW,
        status,
        components: { 'messaging-consumers': { status: 'degraded', missing } },
      };
      const { exit, out } = await run('health');
      expect(exit).toBe(1);
      expect(out).toContain('messaging-consumers  DEGRADED');
      expect(out).toContain('  missing: orders.placed/billing on main: paused [2J\n  missing: b\n');
      const asJson = await run('health', '--json');
      expect([asJson.exit, JSON.parse(asJson.out)]).toMatchObject([1, { status, state: 'running' }]);
    },
  );
});

describe('switchyard overview', () => {
  it('shows the figures, and what they are about', async () => {
    const { exit, out, err } = await run('overview');
    expect([exit, err]).toEqual([0, '']);
    expect(out).toMatch(/^main +failover +yes .* a +-$/m);
    expect(out).toMatch(/^main +all processes +2 +3 +1 +0 +-$/m);
    expect(out).toMatch(/^all processes +9 +4 +2 +-$/m);
    expect(out).toMatch(/^the last minute +60 +7 +1 +5 +2 +1$/m);
    expect(out).not.toMatch(/PAUSED|KILL SWITCH|SPOOL/);
    expect(JSON.parse((await run('overview', '--json')).out)).toEqual(OVERVIEW);
  });

  it('shows what is stopped, and what could not be read', async () => {
    const place = { topic: 'orders.placed', group: 'billing' };
    answer = {
      ...OVERVIEW,
      draining: { scope: 'process', isDraining: true },
      spools: {
        items: [{ transport: 'main', messages: 5, maxMessages: 10, oldestAgeMs: 1, isPaused: true }],
      },
      backlogs: [{ ...OVERVIEW.backlogs[0], unanswered: 2 }],
      deadLetters: { scope: 'shared', errorCode: 'DEADLINE_EXCEEDED' },
      paused: {
        scope: 'shared',
        isCurrent: false,
        total: 1,
        items: [{ ...place, by: 'ana', reason: 'INC-4' }],
      },
      killSwitches: {
        total: 1,
        items: [{ ...place, handler: 'Billing.charge', errorType: 'Down', held: 3 }],
      },
    };
    const { exit, out, err } = await run('overview');
    expect(exit).toBe(0);
    expect(out).toContain('This process consumes nothing more.');
    expect(out).toMatch(/^main +5 +10 +1 +YES$/m);
    expect(out).toMatch(/^orders.placed\/billing +all processes +- +ana +INC-4$/m);
    expect(out).toMatch(/^orders.placed\/billing +Billing.charge +- +Down +3$/m);
    expect(err).toContain('store of dead letters does not answer (DEADLINE_EXCEEDED)');
    expect(err).toContain('No backlog of 2 groups on main');
    expect(err).toContain('control store does not answer');
  });
});
