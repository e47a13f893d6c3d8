import { HandClock } from '../../../../../test/support/hand-clock.js';
import { SilenceWatch } from './silence-watch.js';

const HEARTBEAT_MS = 4_000;

const watched = () => {
  const clock = new HandClock();
  const socket = { bytesRead: 1 };
  const seen = { silent: 0 };
  const watch = new SilenceWatch(socket, HEARTBEAT_MS, clock, () => (seen.silent += 1));
  return { clock, socket, seen, watch };
};

it('notices once that nothing has come for two heartbeat intervals', async () => {
  const { clock, seen } = watched();
  for (let ms = 0; ms < 2 * HEARTBEAT_MS; ms += 1_000) await clock.advance(1_000);
  expect(seen.silent).toBe(0);
  for (let ms = 0; ms < HEARTBEAT_MS; ms += 1_000) await clock.advance(1_000);
  expect(seen.silent).toBe(1);
});

it('begins again with every byte', async () => {
  const { clock, socket, seen } = watched();
  for (let ms = 0; ms < 10 * HEARTBEAT_MS; ms += 1_000) {
    if (ms % HEARTBEAT_MS === 0) socket.bytesRead += 8;
    await clock.advance(1_000);
  }
  expect(seen.silent).toBe(0);
});

it('is ended', async () => {
  const { clock, seen, watch } = watched();
  watch.end();
  for (let ms = 0; ms < 10 * HEARTBEAT_MS; ms += 1_000) await clock.advance(1_000);
  expect(seen.silent).toBe(0);
});
