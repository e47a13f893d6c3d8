import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCommand } from '../run-command.js';

const counts = {
  selected: 4,
  done: 2,
  succeeded: 1,
  unknown: 0,
  skipped: 1,
  failed: 0,
  checked: 0,
  failedAgain: 0,
};
const OPERATION = {
  ...{ id: 'op-1', kind: 'replay', state: 'running', ratePerSecond: 50, actor: 'ann', counts },
};

interface Asked {
  readonly line: string;
  readonly body: unknown;
}

let server: Server;
let asked: Asked[];
let answers: object[];

beforeEach(async () => {
  asked = [];
  answers = [];
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      asked.push({ line: `${request.method} ${request.url}`, body });
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answers.length > 1 ? answers.shift() : answers[0]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/messaging`;
  const exit = await runCommand([...args, '--url', url], {
    out: (text) => void (out += `${text}\n`),
    err: (text) => void (err += `${text}\n`),
  });
  return { exit, out, err };
}

describe('switchyard replay', () => {
  it('begins an operation, follows it with a bar, and ends with 1 when something failed', async () => {
    const end = { ...OPERATION, state: 'completed', counts: { ...counts, done: 4, failed: 1 } };
    answers = [OPERATION, OPERATION, end];
    const { exit, out, err } = await run(
      'replay',
      '--topic',
      'orders',
      '--rate-per-second',
      '20',
      '--reason',
      'INC-1',
    );
    expect(asked.map(({ line }) => line)).toEqual([
      'POST /messaging/api/v1/operations',
      'GET /messaging/api/v1/operations/op-1?waitMs=1000',
      'GET /messaging/api/v1/operations/op-1?waitMs=1000',
    ]);
    expect(asked[0]?.body).toEqual({
      kind: 'replay',
      selection: { filter: { topic: 'orders' } },
      ratePerSecond: 20,
      reason: 'INC-1',
    });
    expect(err).toContain('[###############...............] 2 of 4, 1 skipped, 0 failed: running');
    expect(out).toContain('completed');
    expect(exit).toBe(1);
  });

  it('only counts with --dry-run', async () => {
    answers = [
      {
        ...{ matching: 5, selected: 2 },
        subscriptions: [{ topic: 'orders', group: 'billing', count: 5 }],
        impossible: [{ code: 'CORRUPT', count: 1 }],
      },
    ];
    const { exit, out } = await run('replay', '--all', '--max-count', '2', '--dry-run');
    expect(asked[0]?.body).toEqual({ kind: 'replay', selection: { filter: {} }, maxCount: 2, dryRun: true });
    expect(out).toContain('5 match, 2 would be taken.');
    expect(out).toContain('1 cannot be taken: CORRUPT');
    expect(exit).toBe(0);
  });

  it.each([
    [['replay']],
    [['replay', 'id-1', '--topic', 'orders']],
    [['replay', '--all', '--max-count', 'many']],
    [['operations']],
    [['operations', 'show']],
    [['operations', 'start', 'export', 'id-1']],
    [['operations', 'pause', 'a', 'b']],
  ])('asks for another command line with %j', async (args) => {
    answers = [OPERATION];
    expect((await run(...args)).exit).toBe(2);
    expect(asked).toEqual([]);
  });
});

describe('switchyard operations', () => {
  it('lists them, and shows one with what became of its letters', async () => {
    answers = [{ items: [OPERATION], scope: 'process' }];
    expect((await run('operations', 'list')).out).toMatch(/op-1 +replay +running +2 of 4/);
    answers = [
      OPERATION,
      {
        items: [
          { id: 'a', result: 'succeeded' },
          { id: 'b', result: 'skipped', code: 'GONE' },
        ],
        page: { nextCursor: '1' },
      },
      { items: [{ id: 'c', result: 'pending' }], page: { nextCursor: null } },
    ];
    const { out } = await run('operations', 'show', 'op-1', '--items');
    expect(out).toMatch(/b +skipped +GONE/);
    expect(out).toMatch(/c +pending/);
    expect(out).not.toMatch(/a +succeeded/);
  });

  it('gives orders, and begins other kinds with ids', async () => {
    answers = [{ ...OPERATION, state: 'paused' }];
    expect((await run('operations', 'pause', 'op-1', '--reason', 'x')).exit).toBe(0);
    expect(asked[0]).toEqual({
      line: 'PATCH /messaging/api/v1/operations/op-1',
      body: { state: 'paused', reason: 'x' },
    });
    answers = [{ ...OPERATION, kind: 'archive', state: 'completed' }];
    const { out } = await run('operations', 'start', 'archive', 'id-1', 'id-2', '--no-wait', '--json');
    expect(asked[1]?.body).toEqual({ kind: 'archive', selection: { ids: ['id-1', 'id-2'] } });
    expect(JSON.parse(out)).toMatchObject({ kind: 'archive' });
  });
});
