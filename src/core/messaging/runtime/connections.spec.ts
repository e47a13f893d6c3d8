import { ManualClock } from '../../../testing/manual-clock.js';
import { MessagingError } from '../ports/errors.js';
import { Connections } from './connections.js';

const GONE = new MessagingError('TRANSPORT_UNAVAILABLE', 'Nothing listens there.');
const FORBIDDEN = new MessagingError('FORBIDDEN', 'The password is wrong.');

/** Something that cannot be connected while there is an error. */
function setUp() {
  const clock = new ManualClock();
  const reported: string[] = [];
  const broker = { error: undefined as Error | undefined, tries: 0 };
  const one = {
    name: 'main',
    connect: async () => {
      broker.tries += 1;
      if (broker.error) throw broker.error;
    },
  };
  const connections = new Connections(clock, (name, error) =>
    reported.push(`${name}: ${(error as Error).message}`),
  );
  return { clock, reported, broker, one, connections };
}

describe('connections in the background', () => {
  it('are tried until they are there, and each reason is reported once while it lasts', async () => {
    const { clock, reported, broker, one, connections } = setUp();
    broker.error = GONE;
    const connected = connections.keepTrying(one);
    await clock.advance(120_000);
    expect(broker.tries).toBeGreaterThan(4);
    expect(reported).toEqual(['main: Nothing listens there.']);
    broker.error = FORBIDDEN;
    await clock.advance(60_000);
    expect(reported).toEqual(['main: Nothing listens there.', 'main: The password is wrong.']);
    broker.error = undefined;
    await clock.advance(60_000);
    expect(await connected).toBe(true);
    broker.error = FORBIDDEN;
    void connections.keepTrying(one);
    await clock.advance(0);
    expect(reported).toHaveLength(3);
    connections.stop();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});
