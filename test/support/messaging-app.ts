import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type MessagingEvent,
  MessagingModule,
  type MessagingModuleExtras,
  type MessagingModuleOptions,
  MessagingService,
  systemClock,
} from '../../src/core/messaging/index.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from '../../src/infrastructure/services/memory/memory-idempotency.store.js';
import {
  type MemoryOptions,
  memoryOptionsSchema,
} from '../../src/infrastructure/services/memory/memory.options.js';
import { MemoryTransport } from '../../src/infrastructure/services/memory/memory.transport.js';

/** An application on the memory transport, as a test wants it. */
export interface MessagingApp {
  readonly app: INestApplicationContext;
  readonly messaging: MessagingService;
  readonly deadLetters: MemoryDeadLetterStore;
  readonly events: readonly MessagingEvent[];
}

const open: INestApplicationContext[] = [];

/** Boots an application with these providers; closed after the test by {@link closeApps}. */
export async function bootApp(
  metadata: ModuleMetadata,
  options: Partial<MessagingModuleOptions & MessagingModuleExtras> = {},
): Promise<MessagingApp> {
  const events: MessagingEvent[] = [];
  const deadLetters = new MemoryDeadLetterStore();
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      ...(metadata.imports ?? []),
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters,
        idempotency: new MemoryIdempotencyStore(),
        observers: [{ on: (event) => events.push(event) }],
        ...options,
      }),
    ],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  open.push(app);
  await app.init();
  return { app, messaging: app.get(MessagingService), deadLetters, events };
}

export function memoryTransport(name: string, options: Partial<MemoryOptions> = {}): MemoryTransport {
  return new MemoryTransport(memoryOptionsSchema.parse(options), {
    name,
    clock: systemClock,
    onEvent: () => undefined,
  });
}

/** For `afterEach`. */
export async function closeApps(): Promise<void> {
  for (const app of open.splice(0)) await app.close();
}
