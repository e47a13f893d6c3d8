import { newPlace, newTransport, stopServer, bare, bareProducer } from './kafka/servers.js';
import { bootShop, publishOrders, orderOf } from './shop.js';
const count = 2000;
async function main() {
  const t = await newTransport(newPlace());
  const shop = await bootShop(await newTransport(newPlace()), {
    handling: { handle: () => undefined },
    concurrency: 1,
    consume: false,
  });
  const { kafka, topic } = await bare();
  const p = bareProducer(kafka);
  await p.connect();
  const q = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await q.connect();
  const body = Buffer.from(JSON.stringify(orderOf(1)));
  const runs: Record<string, () => Promise<unknown>> = {
    bare: () => p.send({ topic, acks: -1, messages: [{ value: JSON.stringify(orderOf(1)) }] }),
    idem: () => q.send({ topic, acks: -1, messages: [{ value: JSON.stringify(orderOf(1)) }] }),
    transport: () =>
      t.publish({ topic: 't' }, [{ id: 'x', headers: { a: 'b', c: 'd', e: 'f' }, body }], {
        deadlineMs: 5000,
      }),
    app: () => publishOrders(shop.messaging, { from: 0, count: 1, inFlight: 1 }),
  };
  for (const run of Object.values(runs)) await run();
  for (let round = 0; round < 4; round++)
    for (const [name, run] of Object.entries(runs)) {
      const at = performance.now();
      for (let i = 0; i < count; i++) await run();
      console.log(name, ((performance.now() - at) / count).toFixed(3));
    }
}
main()
  .then(stopServer)
  .then(() => process.exit(0));
