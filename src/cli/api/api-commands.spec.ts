import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../run-command.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let answer: Answer;
let seen: IncomingMessage[];
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-cli-api-'));
  seen = [];
  server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/messaging`;
}

async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const exit = await runCommand(args, {
    out: (text) => void (out += `${text}\n`),
    err: (text) => void (err += `${text}\n`),
  });
  return { exit, out, err };
}

function json(status: number, body: object): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

const LETTER = {
  id: '01a1',
  status: 'failed',
  topic: 'orders.placed',
  group: 'billing',
  attempts: 3,
  deadLetteredAt: '2026-01-31T12:00:00.000Z',
  error: { type: 'RangeError', message: 'no card\u001b[2J for it' },
};

describe('The commands of the admin API', () => {
  it('list dead letters with the filters of the API, as a table without control characters', async () => {
    answer = json(200, { items: [LETTER], page: { nextCursor: 'abc', limit: 1 } });
    const { exit, out, err } = await run(
      ...['dead-letters', '--url', url(), '--topic', 'orders.placed', '--min-attempts', '2', '--limit', '1'],
    );
    expect(exit).toBe(0);
    expect(seen[0]?.url).toBe('/messaging/api/v1/dead-letters?topic=orders.placed&minAttempts=2&limit=1');
    const [title, row] = out.split('\n');
    expect(title).toMatch(/^ID +STATUS +TOPIC/);
    expect(row).toBe(
      '01a1  failed  orders.placed  billing  3         2026-01-31T12:00:00.000Z  RangeError: no card [2J for it',
    );
    expect(err).toContain('--cursor abc');
  });

  it('print the answer itself for scripts', async () => {
    const groups = { items: [{ transport: 'main', topic: 't', group: 'g', isConsumed: false }] };
    answer = json(200, groups);
    const { exit, out } = await run('consumer-groups', '--url', url(), '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toEqual(groups);
  });

  it('print None where there is nothing', async () => {
    answer = json(200, { items: [] });
    expect((await run('dead-letter-groups', '--url', url())).out).toBe('None.\n');
  });

  it('send the key of a file, and no key to another address', async () => {
    const key = join(folder, 'key');
    writeFileSync(key, 'secret-key\n');
    answer = json(200, { items: [] });
    await run('transports', '--url', url(), '--key-file', key);
    expect(seen[0]?.headers.authorization).toBe('Bearer secret-key');
    answer = (_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:9/' });
      response.end();
    };
    const { exit, err } = await run('transports', '--url', url(), '--key-file', key);
    expect(exit).toBe(3);
    expect(err).toContain('cannot be reached');
    expect(err).not.toContain('secret-key');
  });

  it('say what the API refused, in the words of the command line', async () => {
    const errors = [{ pointer: '/minAttempts', message: 'must be a whole number' }];
    answer = json(422, { title: 'The request makes no sense', status: 422, detail: 'See errors.', errors });
    const { exit, err } = await run('dead-letters', '--url', url(), '--min-attempts', 'x');
    expect(exit).toBe(3);
    expect(err).toContain('--min-attempts must be a whole number');
  });

  it('say that the address is not that of the API', async () => {
    answer = (_, response) => void response.writeHead(200).end('<html>');
    expect(await run('transports', '--url', url())).toMatchObject({
      exit: 3,
      err: expect.stringContaining('is --url where the admin API is?'),
    });
    answer = (_, response) => void response.writeHead(502).end('bad gateway');
    expect((await run('transports', '--url', url())).err).toContain('502');
    answer = json(404, { message: 'Cannot GET /api/v1/transports', error: 'Not Found', statusCode: 404 });
    const { err } = await run('transports', '--url', url());
    expect(err).toContain('404');
    expect(err).toContain('is --url where the admin API is?');
  });

  it('end with 3 when nothing listens', async () => {
    const { exit, err } = await run('transports', '--url', 'http://127.0.0.1:1/messaging');
    expect(exit).toBe(3);
    expect(err).toContain('cannot be reached');
  });

  it('refuse an answer that is larger than any of the API, and read no more of it', async () => {
    const part = Buffer.alloc(1_048_576, 0x20);
    let sent = 0;
    answer = (_, response) => {
      const more = (): void => {
        while (!response.destroyed && sent < 128) {
          sent += 1;
          if (!response.write(part)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    const { exit, err } = await run('transports', '--url', url());
    expect(exit).toBe(3);
    expect(err).toContain('more than 8 MiB');
    expect(sent).toBeLessThan(128);
  });

  it('pause and resume a group, and show what holds', async () => {
    const pause = {
      reason: 'INC-4',
      by: 'ana',
      since: '2026-01-31T12:00:00Z',
      until: '2026-01-31T13:00:00Z',
    };
    const group = { topic: 'orders.placed', group: 'billing/eu', scope: 'process', isCurrent: false };
    const bodies: unknown[] = [];
    answer = (request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        bodies.push(JSON.parse(text));
        json(200, { ...group, paused: true, pause, consumers: [{ state: 'paused' }] })(request, response);
      });
    };
    const place = ['orders.placed', 'billing/eu', '--reason', 'INC-4', '--url', url()];
    const { exit, out, err } = await run('subscriptions', 'pause', ...place, '--for-ms', '3600000');
    expect(exit).toBe(0);
    expect(seen[0]).toMatchObject({
      method: 'PATCH',
      url: '/messaging/api/v1/subscriptions/orders.placed/billing%2Feu',
      headers: { 'content-type': 'application/json' },
    });
    expect(out).toMatch(/billing\/eu +YES +2026-01-31T13:00:00Z +ana +INC-4 .*paused .*this process/);
    expect(err).toContain('may be old');
    await run('subscriptions', 'resume', ...place, '--json');
    expect(bodies).toEqual([
      { paused: true, reason: 'INC-4', forMs: 3_600_000 },
      { paused: false, reason: 'INC-4' },
    ]);
  });

  it('list subscriptions, also where there are none', async () => {
    answer = json(200, { items: [] });
    expect((await run('subscriptions', 'list', '--url', url())).out).toBe('None.\n');
    expect(seen[0]?.url).toBe('/messaging/api/v1/subscriptions');
  });

  it.each([
    [['subscriptions'], 'Say list, pause or resume'],
    [['subscriptions', 'pause', 't', '--url', 'http://127.0.0.1:1'], 'Give a topic and a group'],
    [['subscriptions', 'pause', 't', 'g', '--url', 'http://127.0.0.1:1'], 'Give --reason'],
    [
      ['subscriptions', 'pause', 't', 'g', '--reason', 'r', '--for-ms', '1h', '--url', 'http://127.0.0.1:1'],
      '--for-ms',
    ],
    [
      ['subscriptions', 'resume', 't', 'g', '--reason', 'r', '--for-ms', '1', '--url', 'http://127.0.0.1:1'],
      '--for-ms',
    ],
    [['transports'], 'Give --url'],
    [['transports', '--url', 'ftp://host/'], '--url is "ftp://host/"'],
    [['transports', '--url', 'nowhere'], '--url is "nowhere"'],
    [['dead-letters', '--url', 'http://127.0.0.1:1', '--colour', 'red'], '--colour'],
  ])('end with 2 and the usage for %j', async (args, text) => {
    const { exit, err } = await run(...args);
    expect(exit).toBe(2);
    expect(err).toContain(text);
    expect(err).toContain('Usage:');
  });

  it('refuse a key file that holds no key', async () => {
    const key = join(folder, 'key');
    writeFileSync(key, 'two words');
    const { exit, err } = await run('transports', '--url', url(), '--key-file', key);
    expect(exit).toBe(2);
    expect(err).not.toContain('two words');
    expect((await run('transports', '--url', url(), '--key-file', join(folder, 'none'))).exit).toBe(3);
  });
});
