import { Module } from '@nestjs/common';
import { FaultsModule } from '../faults/faults.module.js';
import { BillingHandler } from './billing.handler.js';

@Module({ imports: [FaultsModule], providers: [BillingHandler] })
export class BillingModule {}
