import { type DynamicModule, Global, Module } from '@nestjs/common';
import { LEDGER_DIRECTORY, LedgerService } from './ledger.service.js';

@Global()
@Module({})
export class LedgerModule {
  /** @param directory of the ledger's file. */
  static forRoot(directory: string): DynamicModule {
    return {
      module: LedgerModule,
      providers: [{ provide: LEDGER_DIRECTORY, useValue: directory }, LedgerService],
      exports: [LedgerService],
    };
  }
}
