import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Registry } from 'prom-client';
import { SwitchyardModule } from 'switchyard';
import { MessagingAdminModule } from 'switchyard/admin';
import { HealthModule } from 'switchyard/health';
import { MetricsModule } from 'switchyard/metrics';
import { OrdersModule } from '../orders/orders.module.js';
import { LoginGuard, StaffAuthorizer } from './login.js';
import { StatusController } from './status.controller.js';

/** The application's own controller serves health and metrics, and its own guard closes the admin API. */
@Module({
  imports: [
    SwitchyardModule.forRoot({
      service: 'shop',
      transports: { main: { kind: 'memory' } },
      deadLetters: { store: 'memory' },
      idempotency: { store: 'memory' },
    }),
    TerminusModule,
    HealthModule.forRoot({ path: false }),
    MetricsModule.forRootAsync({
      path: false,
      useFactory: () => ({ registry: new Registry(), prefix: 'shop_' }),
    }),
    MessagingAdminModule.forRoot({ authorizer: StaffAuthorizer }),
    OrdersModule,
  ],
  controllers: [StatusController],
  providers: [{ provide: APP_GUARD, useClass: LoginGuard }, StaffAuthorizer],
})
export class AppModule {}
