import { Module } from '@nestjs/common';
import { NotificationsHandler } from './notifications.handler.js';

@Module({ providers: [NotificationsHandler] })
export class NotificationsModule {}
