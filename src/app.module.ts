import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import type { AppConfig } from './app.config.js';
import { type AdminAuthorizer, apiKeyAuthorizer, MessagingAdminModule } from './exports/admin.js';
import { HealthModule } from './exports/health.js';
import { MetricsModule } from './exports/metrics.js';
import { SwitchyardModule } from './index.js';
import { BillingModule } from './modules/billing/billing.module.js';
import { InventoryModule } from './modules/inventory/inventory.module.js';
import { LedgerModule } from './modules/ledger/ledger.module.js';
import { NotificationsModule } from './modules/notifications/notifications.module.js';
import { OrdersModule } from './modules/orders/orders.module.js';

/** Composition root of the demonstration: the only file that imports both the package and the features. */
@Module({})
export class AppModule {
  static forRoot(config: AppConfig): DynamicModule {
    const { http: _http, ...settings } = config;
    const authorizer = authorizerOf(config);
    const { enabled, allowPayload, allowMaskedPayload } = config.admin;
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [() => ({ ...config })] }),
        SwitchyardModule.forRoot(settings),
        MessagingAdminModule.forRoot({
          allowPayload,
          allowMaskedPayload,
          production: config.production,
          ...(enabled && authorizer && { authorizer }),
        }),
        HealthModule.forRoot({ ...config.health, ...(authorizer && { authorizer }) }),
        ...(config.metrics.enabled ? [MetricsModule.forRoot()] : []),
        LedgerModule.forRoot(config.dataDir),
        OrdersModule,
        BillingModule,
        InventoryModule,
        NotificationsModule,
      ],
    };
  }
}

function authorizerOf({ admin }: AppConfig): AdminAuthorizer | undefined {
  if (admin.apiKeys.length === 0) return undefined;
  return apiKeyAuthorizer({ keys: admin.apiKeys });
}
