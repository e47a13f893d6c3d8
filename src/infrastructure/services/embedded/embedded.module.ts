import { type DynamicModule, Module } from '@nestjs/common';
import {
  transportModule,
  type TransportModuleOptions,
} from '../../../core/messaging/transport-kit/transport.module.js';
import { type EmbeddedOptions, embeddedOptionsSchema } from './embedded.options.js';
import { EmbeddedTransport } from './embedded.transport.js';

export type EmbeddedModuleOptions = TransportModuleOptions<EmbeddedOptions>;

/** Provides an {@link EmbeddedTransport} for applications that compose their transports themselves. */
@Module({})
export class EmbeddedModule {
  /** @throws ZodError when an option is unknown or out of range. */
  static register({ name = 'embedded', onEvent, ...options }: EmbeddedModuleOptions = {}): DynamicModule {
    return transportModule(EmbeddedModule, EmbeddedTransport, embeddedOptionsSchema.parse(options), {
      name,
      onEvent,
    });
  }
}
