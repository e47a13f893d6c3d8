import { Module } from '@nestjs/common';
import { FaultsModule } from '../faults/faults.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { BillingHandler } from './billing.handler.js';

@Module({ imports: [FaultsModule, LedgerModule], providers: [BillingHandler] })
export class BillingModule {}
