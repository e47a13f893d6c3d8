import { join } from 'node:path';
import { startDemonstration, temporaryDirectory } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

it('the walk through the README is the same over two transports that stand in for each other', async () => {
  const directory = join(data.path, 'data');
  const transports = `{disk: {kind: embedded, directory: "${directory}/disk"}, spare: {kind: memory}, main: {kind: failover, members: [disk, spare]}}`;
  const app = await startDemonstration(directory, {
    SWITCHYARD_TRANSPORTS: transports,
    SWITCHYARD_ROUTES: '[{match: "**", transport: main}]',
  });
  try {
    await walkThroughReadme(app, data.path, { transport: 'disk', durability: 'acknowledged' });
    expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
    expect(await app.end('SIGTERM')).toBe(0);
  } finally {
    await app.end('SIGKILL');
  }
}, 60_000);
