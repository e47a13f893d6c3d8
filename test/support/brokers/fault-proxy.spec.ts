import { connect, createServer, type Server, type Socket } from 'node:net';

import { type FaultProxy, startFaultProxy } from './fault-proxy.js';
import { freePorts, isListening } from './server-process.js';
import { waitUntil } from './wait-until.js';

/** Bytes that no buffers of the kernel and the proxy together can hold. */
const MORE_THAN_BUFFERS = 64 * 1_048_576;

class Peer {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  hasEnded = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.chunks.push(chunk));
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error) => (this.error = error));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

describe('the fault proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let peers: Peer[];
  let accepted: Peer[];

  beforeEach(async () => {
    peers = [];
    accepted = [];
    const [port] = (await freePorts(1)) as [number];
    server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(new Peer(socket)));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    proxy = await startFaultProxy({ targetPort: port });
  });
  afterEach(async () => {
    await proxy.stop();
    for (const { socket } of [...peers, ...accepted]) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A client and what the server has of it. */
  async function pair(): Promise<[Peer, Peer]> {
    const before = accepted.length;
    const client = new Peer(connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true }));
    peers.push(client);
    await until(() => accepted.length > before);
    return [client, accepted.at(-1)!];
  }

  const until = (condition: () => boolean): Promise<void> =>
    waitUntil(condition.toString(), () => Promise.resolve(condition()), 5_000);
  const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150));

  it('passes both directions and each end by itself', async () => {
    const [client, remote] = await pair();
    client.socket.end('question');
    await until(() => remote.hasEnded);
    expect(remote.text).toBe('question');
    expect(client.hasEnded).toBe(false);
    remote.socket.end('answer');
    await until(() => client.hasEnded);
    expect(client.text).toBe('answer');
    await until(() => proxy.connections === 0);
    expect(proxy.accepted).toBe(1);
  });

  it('holds everything back in a black hole, the end of a connection too, and delivers it afterwards', async () => {
    const [client, remote] = await pair();
    proxy.inject({ mode: 'blackhole' });
    client.socket.end('late');
    remote.socket.write('too');
    await moment();
    expect([remote.text, remote.hasEnded, client.text]).toEqual(['', false, '']);
    proxy.heal();
    await until(() => remote.hasEnded && client.text === 'too');
    expect(remote.text).toBe('late');
  });

  it('hides the death of a client in a black hole', async () => {
    const [client, remote] = await pair();
    proxy.inject({ mode: 'blackhole' });
    client.socket.resetAndDestroy();
    await moment();
    expect(remote.error).toBeUndefined();
    proxy.heal();
    await until(() => remote.error?.code === 'ECONNRESET');
  });

  it.each([
    ['drop-up', '', 'down'],
    ['drop-down', 'up', ''],
  ] as const)('loses one direction with %s and resets the connection afterwards', async (mode, up, down) => {
    const [client, remote] = await pair();
    proxy.inject({ mode });
    client.socket.write('up');
    remote.socket.write('down');
    await until(() => remote.text === up && client.text === down);
    await moment();
    expect([remote.text, client.text]).toEqual([up, down]);
    proxy.heal();
    client.socket.write('more');
    remote.socket.write('more');
    await until(() => client.error?.code === 'ECONNRESET');
    expect(mode === 'drop-up' ? remote.text : client.text).toBe('');
  });

  it('resets existing and new connections', async () => {
    const [client] = await pair();
    proxy.inject({ mode: 'reset' });
    await until(() => client.error?.code === 'ECONNRESET');
    const late = new Peer(connect({ port: proxy.port, host: proxy.host }));
    peers.push(late);
    await until(() => late.error?.code === 'ECONNRESET');
    proxy.heal();
    const [healed, remote] = await pair();
    healed.socket.write('back');
    await until(() => remote.text === 'back');
  });

  it('refuses connections while it is down and is up again on the same port', async () => {
    const [client] = await pair();
    await proxy.down();
    await until(() => client.error?.code === 'ECONNRESET');
    expect(await isListening(proxy.port)).toBe(false);
    await proxy.up();
    const [, remote] = await pair();
    remote.socket.write('hello');
    await until(() => peers.at(-1)!.text === 'hello');
  });

  it('delays without adding the delays of several messages up', async () => {
    const [client, remote] = await pair();
    proxy.inject({ latencyMs: 200 });
    const start = performance.now();
    for (let i = 0; i < 5; i++) {
      client.socket.write('x');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(() => remote.text === 'xxxxx');
    const tookMs = performance.now() - start;
    expect(tookMs).toBeGreaterThanOrEqual(200);
    expect(tookMs).toBeLessThan(800);
  });

  it('limits the bandwidth', async () => {
    const [client, remote] = await pair();
    proxy.inject({ bytesPerSecond: 10_000 });
    const start = performance.now();
    client.socket.write(Buffer.alloc(4_000));
    await until(() => remote.text.length === 4_000);
    expect(performance.now() - start).toBeGreaterThanOrEqual(300);
  });

  it('cuts a connection after the given bytes', async () => {
    const [client, remote] = await pair();
    proxy.inject({ cutAfterDownBytes: 10 });
    remote.socket.write('0123456789abcdef');
    await until(() => client.error?.code === 'ECONNRESET' || client.hasEnded);
    expect('0123456789'.startsWith(client.text)).toBe(true);
    expect(proxy.connections).toBe(0);
  });

  it('delivers in slices', async () => {
    const [client, remote] = await pair();
    proxy.inject({ sliceBytes: 3 });
    client.socket.write('0123456789');
    await until(() => remote.text === '0123456789');
    expect(remote.chunks.length).toBeGreaterThan(1);
  });

  it('makes a sender wait for a receiver that does not read', async () => {
    const [client, remote] = await pair();
    remote.socket.pause();
    let isWritten = false;
    client.socket.write(Buffer.alloc(MORE_THAN_BUFFERS), () => (isWritten = true));
    await moment();
    expect(isWritten).toBe(false);
    remote.socket.resume();
    await until(() => remote.text.length === MORE_THAN_BUFFERS);
  });
});
