import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { SwitchyardModule, type SwitchyardOptions } from 'switchyard';
import { messagingConfig } from 'switchyard/config';
import { OrdersModule } from '../orders/orders.module.js';

/** Settings from code, which variables such as `SHOP_DEFAULTS_ATTEMPTS` override, through the `ConfigService`. */
@Module({
  imports: [
    ConfigModule.forRoot({
      isGlobal: true,
      load: [
        messagingConfig({
          prefix: 'SHOP_',
          files: [],
          settings: {
            service: 'shop',
            transports: { main: { kind: 'memory' } },
            deadLetters: { store: 'memory' },
            idempotency: { store: 'memory' },
            admin: { enabled: false }, // without keys, production refuses an admin API
          },
        }),
      ],
    }),
    SwitchyardModule.forRootAsync({
      inject: [ConfigService],
      useFactory: (config: ConfigService) => config.getOrThrow<SwitchyardOptions>('messaging'),
    }),
    OrdersModule,
  ],
})
export class AppModule {}
