import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type KafkaCluster, startKafka } from '../support/brokers/kafka-cluster.js';
import { bootBridge, closeBridges, hybridEventApp } from '../support/bridge-app.js';
import { describeEvents } from '../support/event-suite.js';

let kafka: KafkaCluster;
beforeAll(async () => (kafka = await startKafka()), 120_000);
afterAll(() => kafka.stop());

const transport = (): { kind: 'kafka'; brokers: string[] } => ({
  kind: 'kafka',
  brokers: [...kafka.brokers],
});

describeEvents('on Kafka', () => hybridEventApp(transport()));

describe('requests on Kafka, which carries no replies', () => {
  @Controller()
  class Sums {
    @MessagePattern('sum')
    sum(_data: unknown): number {
      return 1;
    }
  }
  afterEach(closeBridges);

  it('are a mistake at boot that names a remedy, and send fails', async () => {
    const mistake = await bootBridge({ controllers: [Sums] }, { transport: transport() }).catch(
      (error: unknown) => String(error),
    );
    expect(mistake).toMatch(/"sum".*"main".*[Rr]oute/);
    await closeBridges();
    const { client } = await bootBridge({}, { transport: transport() });
    await expect(lastValueFrom(client.send('sum', {}))).rejects.toThrow(/"sum".*"main".*[Rr]oute/);
  }, 60_000);
});
