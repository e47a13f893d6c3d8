import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { loadIoredis } from './ioredis-client.js';

let server: Server;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

it('an error of a connection that has failed already ends nothing', async () => {
  const { Redis } = await loadIoredis();
  const { port } = server.address() as AddressInfo;
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  const errors: string[] = [];
  client.on('error', (error: Error) => errors.push(error.message));
  const connecting = client.connect().catch(() => undefined);
  while (!(client as unknown as { stream?: Socket }).stream) await new Promise((done) => setTimeout(done, 5));
  const { stream } = client as unknown as { stream: Socket };
  stream.destroy(new Error('the certificate is not trusted'));
  await new Promise((done) => stream.once('close', done));
  expect(() => stream.emit('error', new Error('alert of the server'))).not.toThrow();
  client.disconnect();
  await connecting;
  expect(errors).toEqual(['the certificate is not trusted']);
});
