import { Module } from '@nestjs/common';
import { InventoryHandler } from './inventory.handler.js';

@Module({ providers: [InventoryHandler] })
export class InventoryModule {}
