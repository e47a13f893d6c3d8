import { Module } from '@nestjs/common';
import { FaultsController } from './faults.controller.js';
import { FaultsService } from './faults.service.js';

@Module({ providers: [FaultsService], controllers: [FaultsController], exports: [FaultsService] })
export class FaultsModule {}
