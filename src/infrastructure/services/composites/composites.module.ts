import { Module } from '@nestjs/common';
import { CompositesDriver } from './composites.driver.js';

/** Provides the {@link CompositesDriver}, which makes transports that combine others. */
@Module({ providers: [CompositesDriver], exports: [CompositesDriver] })
export class CompositesModule {}
