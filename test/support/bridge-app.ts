import type { INestApplication, INestMicroservice, ModuleMetadata } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { type ClientProxy, ClientsModule } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import {
  type MessagingEvent,
  SwitchyardModule,
  type SwitchyardOptions,
  type TransportFactory,
} from 'switchyard';
import {
  connectSwitchyard,
  createSwitchyardMicroservice,
  switchyardClient,
  SwitchyardMicroservicesModule,
} from 'switchyard/microservices';
import { Seen } from '../fixtures/microservices/orders-events.controller.js';
import { CONTROLLERS, type EventApp } from './event-suite.js';

type TransportOptions = NonNullable<SwitchyardOptions['transports']>[string] | TransportFactory;

/** An application whose controllers the bridge serves. */
export interface BridgeApp<TApp = INestApplication> {
  readonly app: TApp;
  readonly client: ClientProxy;
  readonly events: readonly MessagingEvent[];
}

interface BridgeOptions {
  readonly transport?: TransportOptions;
  readonly options?: Partial<SwitchyardOptions>;
  readonly configure?: (microservice: INestMicroservice) => void;
}

/** What the root module of such an application imports. */
export function bridgeImports(
  transport: TransportOptions,
  options: Partial<SwitchyardOptions> = {},
  events: MessagingEvent[] = [],
): NonNullable<ModuleMetadata['imports']> {
  return [
    SwitchyardModule.forRoot({
      service: 'shop',
      transports: { main: transport },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
      observers: [{ on: (event) => void events.push(event) }],
      ...options,
    }),
    SwitchyardMicroservicesModule,
    ClientsModule.registerAsync([switchyardClient('ORDERS')]),
  ];
}

const open: (() => Promise<void>)[] = [];

/** A hybrid application, closed after the test by {@link closeBridges}. */
export async function bootBridge(
  metadata: ModuleMetadata,
  { transport = { kind: 'memory' }, options, configure }: BridgeOptions = {},
): Promise<BridgeApp> {
  const events: MessagingEvent[] = [];
  const imports = [...bridgeImports(transport, options, events), ...(metadata.imports ?? [])];
  const module = await Test.createTestingModule({ ...metadata, imports }).compile();
  const app = module.createNestApplication({ logger: false });
  open.push(() => app.close());
  connectSwitchyard(app, configure);
  await app.startAllMicroservices();
  await app.init();
  return { app, client: app.get<ClientProxy>('ORDERS'), events };
}

/** An application that is only a microservice, closed after the test by {@link closeBridges}. */
export async function bootPureBridge(
  metadata: ModuleMetadata,
  { transport = { kind: 'memory' }, options, configure }: BridgeOptions = {},
): Promise<BridgeApp<INestMicroservice>> {
  const events: MessagingEvent[] = [];
  @Module({
    ...metadata,
    imports: [...bridgeImports(transport, options, events), ...(metadata.imports ?? [])],
  })
  class PureModule {}
  const app = await createSwitchyardMicroservice(
    PureModule,
    { logger: false, abortOnError: false },
    configure,
  );
  open.push(() => app.close());
  await app.listen();
  return { app, client: app.get<ClientProxy>('ORDERS'), events };
}

/** For `afterEach`. */
export async function closeBridges(): Promise<void> {
  for (const close of open.splice(0)) await close();
}

/** The applications for `describeEvents`. */
export async function hybridEventApp(transport: TransportOptions): Promise<EventApp> {
  const { app, client } = await bootBridge(CONTROLLERS, { transport });
  return { seen: app.get(Seen), client, close: closeBridges };
}

export async function pureEventApp(transport: TransportOptions): Promise<EventApp> {
  const { app, client } = await bootPureBridge(CONTROLLERS, { transport });
  return { seen: app.get(Seen), client, close: closeBridges };
}
