import { join } from 'node:path';
import { startDemonstration } from '../support/demonstration.js';
import { walkThroughReadme } from '../support/readme.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const data = temporaryDirectory();
afterAll(() => data.remove());

it.each([
  ['two transports that stand in for each other', '{kind: failover, members: [disk, spare]}', ''],
  [
    'a spool behind a failover from two that share the load',
    '{kind: spooled, transport: chain, spool: spool}',
    'both: {kind: balanced, members: [disk, spare], weights: [1000, 1]}, chain: {kind: failover, members: [both, last]}, last: {kind: memory}, spool: {kind: embedded, directory: "DIRECTORY/spool"},',
  ],
])(
  'the walk through the README is the same over %s',
  async (_, main, more) => {
    const directory = join(data.path, main.length.toString(), 'data');
    const transports = `{disk: {kind: embedded, directory: "DIRECTORY/disk"}, spare: {kind: memory}, ${more} main: ${main}}`;
    const app = await startDemonstration(directory, {
      SWITCHYARD_TRANSPORTS: transports.replaceAll('DIRECTORY', directory),
      SWITCHYARD_ROUTES: '[{match: "**", transport: main}]',
    });
    try {
      await walkThroughReadme(app, join(directory, '..'), {});
      expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
      expect(await app.end('SIGTERM')).toBe(0);
    } finally {
      await app.end('SIGKILL');
    }
  },
  60_000,
);
