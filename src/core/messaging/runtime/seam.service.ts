import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HEADER_NAME, isReservedHeader } from '../message/headers.js';
import type { AroundFunction, BeforePublish, PublishHooks, SeamEntry } from '../message/seam.js';
import type { MessagingModuleOptions } from '../messaging.options.js';

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
    const find = <T>(entries: unknown, option: 'around' | 'beforePublish'): T[] => {
      if (Array.isArray(entries))
        return entries.flatMap((entry: SeamEntry, index) => {
          const found = this.#find(entry, option);
          if (typeof found === 'function') return [found as T];
          problems.push(`Option ${option}[${index}] is ${nameOf(entry)}, which ${String(found)}.`);
          return [];
        });
      problems.push(`Option ${option} is ${nameOf(entries)}; it must be a list of classes or functions.`);
      return [];
    };
    const hooks = {
      beforePublish: find<BeforePublish>(beforePublish, 'beforePublish'),
      propagate: namesOf(propagate, problems),
    };
    return { around: find<AroundFunction>(around, 'around'), hooks, problems };
  }

  /** The function to call, or what is wrong, as the end of a sentence. */
  #find(entry: unknown, method: 'around' | 'beforePublish'): unknown {
    if (typeof entry === 'function' && !isClass(entry, method)) return entry;
    const isToken = ['function', 'string', 'symbol'].includes(typeof entry);
    let instance = entry;
    if (isToken) {
      try {
        instance = this.moduleRef.get<object>(entry as string, { strict: false });
      } catch {
        return 'no module provides, or which is not of the default scope. Add it to the providers of a module';
      }
    }
    const found =
      typeof instance === 'object' && instance !== null ? (instance as Methods)[method] : undefined;
    return typeof found === 'function'
      ? (found.bind(instance) as unknown)
      : `has no method ${method}. Implement ${method === 'around' ? 'HandlerAround' : 'PublishHook'}, or give a function`;
  }
}

type Methods = Record<string, unknown>;

function isClass(entry: object, method: string): boolean {
  const { prototype } = entry as { prototype?: Methods };
  return prototype?.[method] !== undefined || /^class\b/.test(Function.prototype.toString.call(entry));
}

function namesOf(propagate: unknown, problems: string[]): readonly string[] {
  if (!Array.isArray(propagate)) {
    problems.push(`Option propagate is ${nameOf(propagate)}; it must be a list of names of headers.`);
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

function nameOf(value: unknown): string {
  if (typeof value === 'function') return value.name === '' ? 'a function' : value.name;
  if (typeof value === 'object' && value !== null)
    return `an object of the class ${(value.constructor as { name?: string } | undefined)?.name ?? 'null'}`;
  return String(value);
}
