import { Socket } from 'node:net';
import { patchDeadSockets } from './patch-dead-sockets.js';

it('adds no listeners to the dead socket of a connection that is closed again and again', async () => {
  await patchDeadSockets();
  const { default: Connection } = (await import('kafkajs/src/network/connection.js')) as {
    default: { prototype: { disconnect: () => Promise<unknown> } };
  };
  const socket = new Socket();
  socket.destroy();
  const requestQueue = { waitForPendingRequests: () => Promise.resolve(), destroy: () => undefined };
  for (let times = 0; times < 20; times += 1)
    await Connection.prototype.disconnect.call({ socket, requestQueue, logDebug: () => undefined });
  expect(socket.listenerCount('connect')).toBe(0);
});
