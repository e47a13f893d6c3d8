export * from './core/messaging/index.js';
export { embeddedBackends, memoryBackends } from './infrastructure/services/backends.js';
export type {
  ControlStoreFactory,
  DeadLetterStoreFactory,
  IdempotencyStoreFactory,
  StoreContext,
  TransportFactory,
} from './infrastructure/services/transports.js';
export {
  SwitchyardModule,
  type SwitchyardAsyncOptions,
  type SwitchyardExtras,
} from './switchyard/switchyard.module.js';
export {
  SWITCHYARD_SETTINGS,
  type SwitchyardOptions,
  type SwitchyardOptionsFactory,
} from './switchyard/switchyard.options.js';
