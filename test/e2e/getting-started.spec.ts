import { pageBlocks, StarterApplication } from '../support/getting-started.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** The page promises it without the time of `npm install`. */
const FIRST_MESSAGE_MS = 60_000;
/** In place of the Redis of the page. */
const EMBEDDED = {
  SWITCHYARD_TRANSPORTS__MAIN: '{ kind: embedded }',
  SWITCHYARD_DEAD_LETTERS__STORE: 'embedded',
  SWITCHYARD_IDEMPOTENCY__STORE: 'embedded',
};

const blocks = pageBlocks();
const before = (heading: string) =>
  blocks.slice(
    0,
    blocks.findIndex((block) => block.heading === heading),
  );
const under = (heading: string) => blocks.filter((block) => block.heading === heading);

describe('the page on getting started, typed into a new application', () => {
  const directory = temporaryDirectory();
  let application: StarterApplication;
  beforeAll(() => (application = new StarterApplication(directory.path)), 120_000);
  afterAll(() => directory.remove());

  it('has its first message handled within a minute', async () => {
    const startedAt = performance.now();
    for (const { file, code } of before('Redis')) application.write(file, code);
    application.build();
    await application.placeOrder();
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeLessThan(FIRST_MESSAGE_MS);
    process.stdout.write(`First handled message after ${Math.round(tookMs)} ms, without the install.\n`);
  }, 180_000);

  it.each(['The same in YAML and the environment', 'With ConfigService'])(
    'runs with the block under: %s',
    async (heading) => {
      expect(under(heading).length).toBeGreaterThan(0);
      for (const { file, code } of under(heading)) application.write(file, code);
      application.build();
      await application.placeOrder(EMBEDDED);
    },
    180_000,
  );

  it('shows mistakes in the options, and nothing else, when it does not start', async () => {
    await expect(
      application.placeOrder({ ...EMBEDDED, SWITCHYARD_MAX_IN_FLIGHT: '0', SWITCHYARD_SERVICE: 'a b' }),
    ).rejects.toThrow(
      /1\. service \(SWITCHYARD_SERVICE\) is not valid.*\n.*2\. maxInFlight \(SWITCHYARD_MAX_IN_FLIGHT\) is "0"/,
    );
  }, 90_000);
});
