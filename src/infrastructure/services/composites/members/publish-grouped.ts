import type { PublishOutcome, WireMessage } from '../../../../core/messaging/ports/transport.js';

/** Publishes messages that go different ways, all at the same time, and puts their outcomes into the order of the messages. */
export async function publishGrouped<T>(
  messages: readonly WireMessage[],
  wayOf: (message: WireMessage) => T,
  publish: (way: T, messages: readonly WireMessage[]) => Promise<readonly PublishOutcome[]>,
): Promise<readonly PublishOutcome[]> {
  const parts = new Map<T, number[]>();
  messages.forEach((message, index) => {
    const way = wayOf(message);
    const part = parts.get(way);
    if (part) part.push(index);
    else parts.set(way, [index]);
  });
  const [only] = parts.keys();
  if (parts.size === 1) return publish(only as T, messages);
  const outcomes: PublishOutcome[] = [];
  const publishing = [...parts].map(async ([way, indexes]) => {
    const some = await publish(
      way,
      indexes.map((index) => messages[index] as WireMessage),
    );
    indexes.forEach((index, nth) => (outcomes[index] = some[nth] as PublishOutcome));
  });
  await Promise.all(publishing);
  return outcomes;
}
