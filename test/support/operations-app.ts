import { createHash } from 'node:crypto';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type AdminRole,
  apiKeyAuthorizer,
  MessagingAdminModule,
  type MessagingAdminModuleOptions,
} from '../../src/infrastructure/services/admin/index.js';
import {
  DeadLetterService,
  MessagingModule,
  type MessagingModuleOptions,
  MessagingService,
} from '../../src/core/messaging/index.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { memoryTransport } from './messaging-app.js';

/** A listening application with everything that operators use. */
export interface OperationsApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly messaging: MessagingService;
  readonly deadLetters: DeadLetterService;
  readonly store: MemoryDeadLetterStore;
}

const KEYS: Readonly<Record<string, readonly AdminRole[]>> = {
  viewer: ['viewer'],
  operator: ['operator'],
  admin: ['admin'],
  reader: ['viewer', 'payload:read'],
};

/** Knows callers whose key is the name of their role, and `reader`, who may see payloads. */
export const authorizer = apiKeyAuthorizer({
  keys: Object.entries(KEYS).map(([name, roles]) => ({
    name,
    roles,
    sha256: createHash('sha256').update(name).digest('hex'),
  })),
});

const open: INestApplication[] = [];

export async function bootOperations(
  metadata: ModuleMetadata,
  options: Partial<MessagingModuleOptions> = {},
  admin: MessagingAdminModuleOptions = { authorizer },
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<OperationsApp> {
  const store = new MemoryDeadLetterStore();
  const module = await Test.createTestingModule({
    ...metadata,
    imports: [
      MessagingModule.forRoot({
        service: 'shop',
        transports: [memoryTransport('main')],
        deadLetters: store,
        ...options,
      }),
      MessagingAdminModule.forRoot(admin),
      ...(metadata.imports ?? []),
    ],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  prepare(app);
  open.push(app);
  await app.listen(0, '127.0.0.1');
  return {
    app,
    url: await app.getUrl(),
    messaging: app.get(MessagingService),
    deadLetters: app.get(DeadLetterService),
    store,
  };
}

/** For `afterEach`. */
export async function closeOperations(): Promise<void> {
  for (const app of open.splice(0)) await app.close();
}

/** Body of an answer, as loosely typed as what a test looks at in it. */
export async function jsonOf(response: Response): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await response.text());
}
