import { loadKafkajs } from './kafkajs-client.js';

it('says how to install the client where it is missing', async () => {
  const missing = loadKafkajs(() => Promise.reject(new Error('Cannot find module')));
  await expect(missing).rejects.toMatchObject({
    code: 'DEPENDENCY_MISSING',
    message: expect.stringContaining('npm install kafkajs@2') as string,
  });
});
