import { join } from 'node:path';
import { startRabbitmq } from '../support/brokers/rabbitmq-cluster.js';
import { startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

it('the walk through the README is the same on a cluster of three, also when one node is gone', async () => {
  const cluster = await startRabbitmq({ nodes: 3 });
  try {
    await cluster.nodes[0]!.kill();
    const app = await startDemonstration(join(data.path, 'data'), {
      SWITCHYARD_TRANSPORTS: `{rabbit: {kind: rabbitmq, urls: ${JSON.stringify(cluster.urls)}}}`,
    });
    await walkThroughReadme(app, data.path, { transport: 'rabbit', durability: 'replicated' });
    expect(await app.end('SIGTERM')).toBe(0);
  } finally {
    await cluster.stop();
  }
}, 180_000);
