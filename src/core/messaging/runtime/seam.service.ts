import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HEADER_NAME, isReservedHeader } from '../message/headers.js';
import type { AroundFunction, BeforePublish, PublishHooks, SeamEntry } from '../message/seam.js';
import type { MessagingModuleOptions } from '../messaging.options.js';
import { nameOfEntry, type ProviderLookup, providedFunction } from '../provided-function.js';

/** What the application runs around handlers and before publishes, found in its providers. */
export interface Seam {
  readonly around: readonly AroundFunction[];
  readonly hooks: PublishHooks;
  readonly problems: readonly string[];
}

/** Resolves `around`, `beforePublish` and `propagate` of the options. */
@Injectable()
export class SeamService {
  constructor(private readonly moduleRef: ModuleRef) {}

  resolve({ around = [], beforePublish = [], propagate = [] }: MessagingModuleOptions): Seam {
    const problems: string[] = [];
    const providers: ProviderLookup = {
      get: (token) => this.moduleRef.get<unknown>(token, { strict: false }),
    };
    const find = <T>(entries: unknown, option: 'around' | 'beforePublish'): T[] => {
      if (Array.isArray(entries))
        return entries.flatMap((entry: SeamEntry, index) => {
          const found = providedFunction(
            entry,
            { method: option, interfaceName: INTERFACE[option] },
            providers,
          );
          if (typeof found === 'function') return [found as T];
          problems.push(`Option ${option}[${index}] is ${nameOfEntry(entry)}, which ${String(found)}.`);
          return [];
        });
      problems.push(
        `Option ${option} is ${nameOfEntry(entries)}; it must be a list of classes or functions.`,
      );
      return [];
    };
    const hooks = {
      beforePublish: find<BeforePublish>(beforePublish, 'beforePublish'),
      propagate: namesOf(propagate, problems),
    };
    return { around: find<AroundFunction>(around, 'around'), hooks, problems };
  }
}

const INTERFACE = { around: 'HandlerAround', beforePublish: 'PublishHook' } as const;

function namesOf(propagate: unknown, problems: string[]): readonly string[] {
  if (!Array.isArray(propagate)) {
    problems.push(`Option propagate is ${nameOfEntry(propagate)}; it must be a list of names of headers.`);
    return [];
  }
  return propagate.filter((name: unknown): name is string => {
    const fits = typeof name === 'string' && HEADER_NAME.test(name) && !isReservedHeader(name);
    if (!fits)
      problems.push(
        `Option propagate names the header ${JSON.stringify(name)}; use lower-case tokens that are not reserved.`,
      );
    return fits;
  });
}
