import type { SeverableTransport } from './severable-transport.js';
import type { TestBus } from './testing.options.js';

/** What is left to do now, one sentence each. */
export async function unsettled({ runs, published, transports }: TestBus): Promise<readonly string[]> {
  const { brokers, spools } = transports;
  const isOutage = [...brokers.values()].some(({ isCut }) => isCut);
  const left = runs.running.map(
    ({ handler, group, messageId, topic, attempt }) =>
      `${handler} (group ${group}) handles message ${messageId} of "${topic}", attempt ${attempt}`,
  );
  if (published.pending > 0)
    left.push(`${published.pending} calls of publish wait for the outcome of their transport`);
  // In an outage, what a spool holds waits for the transport that is gone.
  const working = [...brokers.values()].filter(
    ({ isCut, name }) => !isCut && !(isOutage && spools.has(name)),
  );
  const ofBrokers = await Promise.all(working.map((broker) => backlogOf(broker)));
  return [...left, ...ofBrokers.flat()];
}

async function backlogOf(transport: SeverableTransport): Promise<string[]> {
  const { broker, name } = transport;
  const left: string[] = [];
  const groups = new Map(
    transport.subscriptions().map((one) => [JSON.stringify([one.topic, one.group]), one]),
  );
  for (const { topic, group } of groups.values()) {
    const { ready, inFlight } = await broker.backlog({ topic, group });
    if (ready > 0) left.push(`${ready} messages of "${topic}" are ready for the group ${group} on "${name}"`);
    if (inFlight > 0)
      left.push(`${inFlight} messages of "${topic}" are in flight to the group ${group} on "${name}"`);
  }
  return left;
}
