import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

/**
 * Runs work before Nest destroys the first module of the application.
 *
 * Handlers use what modules close in `onModuleDestroy`: pools, clients, files. Nest destroys by distance from the root
 * module, the nearest first and global modules last, so this one gets the least distance of all.
 */
@Injectable()
export class ShutdownService implements OnModuleDestroy {
  readonly #work = new Set<() => Promise<void>>();

  constructor(modules: ModulesContainer) {
    // Before the first hook: Nest keeps the order of modules from then on.
    for (const module of modules.values())
      if (module.metatype === ShutdownModule) module.distance = Number.MIN_SAFE_INTEGER;
  }

  /** Adds work, which must not reject. */
  beforeDestroy(work: () => Promise<void>): void {
    this.#work.add(work);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.#work].map((work) => work()));
  }
}

/** A module of its own, because the messaging module starts first, so that others can publish as they start. */
@Module({ providers: [ShutdownService], exports: [ShutdownService] })
export class ShutdownModule {}
