import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { InventoryHandler } from './inventory.handler.js';

@Module({ imports: [LedgerModule], providers: [InventoryHandler] })
export class InventoryModule {}
