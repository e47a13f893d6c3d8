import { Kafka, logLevel } from 'kafkajs';
import { ClientSockets } from './client-sockets.js';
import { patchClosedClient } from './patch-closed-client.js';

/** How often it tries to connect to a server that is not there, and with which error it ends. */
async function attemptsOf(sockets: ClientSockets): Promise<{ attempts: number; error: unknown }> {
  await patchClosedClient();
  let attempts = 0;
  const kafka = new Kafka({
    brokers: ['127.0.0.1:9'],
    logLevel: logLevel.NOTHING,
    retry: { retries: 3, initialRetryTime: 1, maxRetryTime: 1 },
    socketFactory: (way) => {
      attempts += 1;
      return sockets.create(way);
    },
  });
  const error: unknown = await kafka
    .consumer({ groupId: 'g' })
    .connect()
    .catch((reason: unknown) => reason);
  return { attempts, error };
}

it('tries once, and no more, with a client whose connections are closed permanently', async () => {
  const sockets = new ClientSockets();
  sockets.end();
  const { attempts, error } = await attemptsOf(sockets);
  expect(String(error)).toContain('The client was closed');
  expect(attempts).toBe(1);
});

it('tries again with a client that is open', async () => {
  const { attempts, error } = await attemptsOf(new ClientSockets());
  expect(String(error)).toContain('ECONNREFUSED');
  expect(attempts).toBe(4);
});
