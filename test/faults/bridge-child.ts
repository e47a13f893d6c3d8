import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { SwitchyardModule, type SwitchyardOptions } from '../../src/index.js';
import { connectSwitchyard, SwitchyardMicroservicesModule } from '../../src/exports/microservices.js';
import { endWithParent } from '../../src/testing/conformance/end-with-parent.js';

/** What the process connects to, as the JSON of its first argument. */
export interface BridgeTask {
  readonly transport: NonNullable<SwitchyardOptions['transports']>[string];
}

/** Written at once, so that nothing of it is lost with the process. */
const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const task = JSON.parse(process.argv[2] ?? '') as BridgeTask;

@Controller()
class Orders {
  @EventPattern('orders.placed', { group: 'billing', concurrency: 20, attempts: 20 })
  placed(@Payload('id') id: string): void {
    say(id);
  }

  @MessagePattern('orders.price', { group: 'prices', concurrency: 20 })
  async price(@Payload('id') id: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return id * 2;
  }
}

@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      transports: { main: task.transport },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
    }),
    SwitchyardMicroservicesModule,
  ],
  controllers: [Orders],
})
class OrdersModule {}

/** Handles events and requests with the bridge until it is killed, and says the id of each event. */
async function main(): Promise<void> {
  const app = await NestFactory.create(OrdersModule, { logger: false });
  connectSwitchyard(app);
  await app.init();
  say('consuming');
}

endWithParent();
main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
