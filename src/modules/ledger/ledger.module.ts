import { Module } from '@nestjs/common';
import { LedgerService } from './ledger.service.js';

/** Needs `LEDGER_DIRECTORY` from the root module. */
@Module({ providers: [LedgerService], exports: [LedgerService] })
export class LedgerModule {}
