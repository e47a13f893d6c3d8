import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { NotificationsHandler } from './notifications.handler.js';

@Module({ imports: [LedgerModule], providers: [NotificationsHandler] })
export class NotificationsModule {}
