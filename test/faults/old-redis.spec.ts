import { oldRedisServer } from '../support/brokers/old-redis.js';
import { RedisServer } from '../support/brokers/redis-server.js';
import { freePorts } from '../support/brokers/server-process.js';
import { redisBench } from './redis-bench.js';
import { closeAll } from './transport-bench.js';

afterEach(closeAll);

it('a server that is too old is refused when it connects, with what it lacks and what is needed', async () => {
  const server = new RedisServer((await freePorts(1))[0]!, { program: oldRedisServer('2.8') });
  try {
    await server.ready();
    const { transport } = redisBench({ url: server.url });
    await expect(transport.connect()).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringMatching(/does not support XAUTOCLAIM\. Use Redis 6\.2 or newer/),
    });
  } finally {
    await server.stop();
  }
});
