import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/messaging/ports/clock.js';
import { embeddedOptionsSchema } from '../../infrastructure/services/embedded/embedded.options.js';
import { EmbeddedTransport } from '../../infrastructure/services/embedded/embedded.transport.js';
import { runCommand } from '../run-command.js';

const MESSAGES = 50;
let folder: string;
let directory: string;
let transport: EmbeddedTransport;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-cli-'));
  directory = join(folder, 'data');
  transport = newTransport(directory);
  await transport.connect();
  await publish(MESSAGES);
});
afterEach(async () => {
  await transport.close();
  rmSync(folder, { recursive: true, force: true });
});

function newTransport(at: string): EmbeddedTransport {
  const options = embeddedOptionsSchema.parse({ directory: at });
  return new EmbeddedTransport(options, { name: 'local', clock: systemClock, onEvent: () => undefined });
}

async function publish(count: number): Promise<void> {
  for (let nth = 0; nth < count; nth += 1)
    await transport.publish(
      { topic: 'orders' },
      [{ id: `m-${nth}`, headers: {}, body: Buffer.from(`body ${nth}`) }],
      { deadlineMs: 10_000 },
    );
}

async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const exit = await runCommand(args, {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return { exit, out: out.join('\n'), err: err.join('\n') };
}

function damage(text: string, at = 0): void {
  const path = join(directory, 'data.mdb');
  const bytes = readFileSync(path);
  const found = text === '' ? at : bytes.indexOf(text);
  expect(found).toBeGreaterThanOrEqual(0);
  bytes[found]! ^= 0x40;
  writeFileSync(path, bytes);
}

async function messagesIn(at: string): Promise<{ whole: number; corrupt: number }> {
  const counts = { whole: 0, corrupt: 0 };
  const copy = newTransport(at);
  await copy.connect();
  const subscription = { topic: 'orders', group: 'g', concurrency: 10, ordering: 'none' } as const;
  await copy.consume(subscription, ({ unacceptable }) => {
    counts[unacceptable ? 'corrupt' : 'whole'] += 1;
    return Promise.resolve({ kind: 'ack' });
  });
  while (counts.whole + counts.corrupt < MESSAGES) await new Promise((done) => setTimeout(done, 5));
  await copy.close();
  return counts;
}

describe('switchyard embedded', () => {
  it('check: a sound directory, also below the one that is named', async () => {
    await transport.close();
    const { exit, out } = await run('embedded', 'check', folder, '--json');
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      command: 'embedded check',
      ok: true,
      directories: [{ directory, format: 2, damage: [] }],
    });
    expect(JSON.parse(out).directories[0].tables).toContainEqual({
      table: 'log',
      records: MESSAGES,
      corrupt: 0,
    });
  });

  it('check: one altered message is one corrupt record', async () => {
    await transport.close();
    damage('body 7');
    const { exit, out } = await run('embedded', 'check', directory);
    expect(exit).toBe(1);
    expect(out).toContain(`log: ${MESSAGES} records, 1 corrupt`);
  });

  it('copy: while the directory is in use, and the copy can be used', async () => {
    const target = join(folder, 'copy');
    expect(await run('embedded', 'check', directory)).toMatchObject({
      exit: 3,
      err: expect.stringContaining('switchyard embedded copy'),
    });
    expect(await run('embedded', 'copy', directory, target)).toMatchObject({ exit: 0 });
    expect(await messagesIn(target)).toEqual({ whole: MESSAGES, corrupt: 0 });
    expect(await run('embedded', 'copy', directory, target)).toMatchObject({
      exit: 3,
      err: expect.stringContaining('is there already'),
    });
  });

  it.each([
    ['a damaged header', '', 4_096 + 24, { whole: MESSAGES, corrupt: 0 }],
    ['both headers damaged', '', -1, { whole: MESSAGES, corrupt: 0 }],
    ['an altered message', 'body 7', 0, { whole: MESSAGES - 1, corrupt: 1 }],
  ])('salvage: %s costs no other message', async (_, text, at, expected) => {
    await transport.close();
    if (at < 0) for (const header of [24, 4_096 + 24]) damage('', header);
    else damage(text, at);
    const before = readFileSync(join(directory, 'data.mdb'));
    const target = join(folder, 'salvaged');
    const { exit, out } = await run('embedded', 'salvage', directory, target);
    expect([exit, out]).toEqual([1, expect.stringContaining('DAMAGED')]);
    expect(await messagesIn(target)).toEqual(expected);
    expect(readFileSync(join(directory, 'data.mdb')).equals(before)).toBe(true);
  });

  it.each([
    [[], 'Name a command'],
    [['nonsense'], 'There is no command "nonsense"'],
    [['embedded'], 'Name what to do'],
    [['embedded', 'repair', 'x'], 'There is no "embedded repair"'],
    [['embedded', 'check'], 'takes a directory'],
    [['embedded', 'salvage', 'x'], 'takes a directory and a new directory'],
    [['embedded', 'check', 'x', '--yaml'], '--yaml'],
  ])('refuses the command line %j', async (args, why) => {
    const { exit, out, err } = await run(...args);
    expect([exit, out]).toEqual([2, '']);
    expect(err).toContain(why);
    expect(err).toContain('switchyard embedded check <directory>');
  });
});
