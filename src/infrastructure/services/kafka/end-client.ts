/** A client of kafkajs, or what it makes. */
interface Endable {
  disconnect(): Promise<void>;
}

/** Never rejects. */
export async function end(client: Endable): Promise<void> {
  await client.disconnect().catch(() => undefined);
}

/**
 * Ends a client that is in the middle of something: now, and once more when that is done with, because the client connects again to
 * finish what it has begun, and would keep that connection, and with it the process, for ever.
 */
export async function endAlsoAfter(client: Endable, begun: Promise<unknown>): Promise<void> {
  const again = (): Promise<void> => end(client);
  void begun.then(again, again);
  await end(client);
}
