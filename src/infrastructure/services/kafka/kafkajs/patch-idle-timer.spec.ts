import { patchIdleTimer } from './patch-idle-timer.js';

it.each([
  ['none', [], 0],
  ['some', [{}], 1],
])('sets a timer for what waits to be sent: %s', async (_, pending, timers) => {
  await patchIdleTimer();
  const { default: RequestQueue } = (await import('kafkajs/src/network/requestQueue/index.js')) as {
    default: { prototype: { scheduleCheckPendingRequests: () => void } };
  };
  const set = jest.spyOn(globalThis, 'setTimeout').mockReturnValue(0 as never);
  RequestQueue.prototype.scheduleCheckPendingRequests.call({ pending, throttledUntil: -1 });
  const calls = set.mock.calls.length;
  set.mockRestore();
  expect(calls).toBe(timers);
});
