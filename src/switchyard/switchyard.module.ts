import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  Optional,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { MessagingModule } from '../core/messaging/messaging.module.js';
import { MessagingConfigurationError } from '../core/messaging/ports/errors.js';
import { composedOf, type Composition, compose } from './composition.js';
import { DRIVER_MODULES, Drivers } from './drivers.js';
import {
  SWITCHYARD_SETTINGS,
  type SwitchyardOptions,
  type SwitchyardOptionsFactory,
} from './switchyard.options.js';

/** What Nest must know before the options are computed. */
export interface SwitchyardExtras {
  /** Makes `MessagingService` and the rest injectable everywhere without importing the module. @default true */
  readonly isGlobal?: boolean;
}

/** One of `useFactory`, `useClass` and `useExisting`. */
export interface SwitchyardAsyncOptions extends SwitchyardExtras, Pick<ModuleMetadata, 'imports'> {
  readonly useFactory?: FactoryProvider<SwitchyardOptions>['useFactory'];
  readonly inject?: FactoryProvider['inject'];
  readonly useClass?: Type<SwitchyardOptionsFactory>;
  readonly useExisting?: Type<SwitchyardOptionsFactory>;
}

/** Injects what gives the options: a function that never throws before it is called. */
const OPTIONS_SOURCE = Symbol('switchyard:options-source');
const COMPOSITION = Symbol('switchyard:composition');

type OptionsSource = () => unknown;

/**
 * Messaging for an application: transports, routes, stores and handlers from one set of options. Import it once, in the
 * root module.
 *
 * All mistakes in options, handlers and message types are reported together by a `MessagingConfigurationError` when the
 * application starts, before anything connects.
 */
@Module({})
export class SwitchyardModule {
  constructor(@Optional() @Inject(COMPOSITION) composition?: Composition) {
    if (composition) return;
    throw new MessagingConfigurationError([
      'SwitchyardModule is imported without options. Import SwitchyardModule.forRoot({ service: ... }), or forRootAsync.',
    ]);
  }

  static forRoot(options: SwitchyardOptions & SwitchyardExtras): DynamicModule {
    const { isGlobal, others } = withoutExtras(options);
    return assemble({ useFactory: () => () => others }, isGlobal === undefined ? {} : { isGlobal });
  }

  static forRootAsync(options: SwitchyardAsyncOptions): DynamicModule {
    // JavaScript may give nothing; the sentence about it is reported when the application starts.
    const given = (options as SwitchyardAsyncOptions | undefined) ?? {};
    return assemble(sourceOf(given), given);
  }
}

function withoutExtras(options: unknown): { isGlobal?: boolean; others: unknown } {
  if (typeof options !== 'object' || options === null) return { others: options };
  const { isGlobal, ...others } = options as SwitchyardExtras;
  return { ...(isGlobal !== undefined && { isGlobal }), others: Array.isArray(options) ? options : others };
}

type Source = Pick<FactoryProvider<OptionsSource>, 'inject' | 'useFactory'> & { readonly extra?: Type };

function sourceOf(given: SwitchyardAsyncOptions): Source {
  const { useFactory, inject = [], useClass, useExisting } = given;
  const ways = [useFactory, useClass, useExisting].filter((way) => way !== undefined);
  if (ways.length !== 1 || typeof ways[0] !== 'function') {
    const problem =
      'SwitchyardModule.forRootAsync needs exactly one of useFactory, useClass and useExisting: a function that returns the options, or a class with the method createSwitchyardOptions.';
    return { useFactory: () => () => Promise.reject(new MessagingConfigurationError([problem])) };
  }
  if (useFactory) {
    return {
      useFactory:
        (...injected: unknown[]) =>
        () =>
          useFactory(...injected),
      inject: [...inject],
    };
  }
  const factory = (useClass ?? useExisting) as Type<SwitchyardOptionsFactory>;
  return {
    useFactory: (created: Partial<SwitchyardOptionsFactory>) => () => {
      if (created.createSwitchyardOptions) return created.createSwitchyardOptions();
      throw new MessagingConfigurationError([
        `${factory.name} has no method createSwitchyardOptions, which SwitchyardModule.forRootAsync calls for the options.`,
      ]);
    },
    inject: [factory],
    ...(useClass && { extra: useClass }),
  };
}

/** Composes the modules: those of the infrastructure provide drivers, and the core takes what they make. */
function assemble(
  { extra, ...source }: Source,
  { isGlobal = true, imports = [] }: Pick<SwitchyardAsyncOptions, 'isGlobal' | 'imports'>,
): DynamicModule {
  const composition: DynamicModule = {
    module: CompositionModule,
    imports: [...DRIVER_MODULES, ...imports],
    providers: [...(extra ? [extra] : []), { provide: OPTIONS_SOURCE, ...source }],
  };
  return {
    module: SwitchyardModule,
    global: isGlobal,
    imports: [
      composition,
      MessagingModule.forRootAsync({
        isGlobal,
        imports: [composition],
        inject: [COMPOSITION],
        useFactory: ({ options }: Composition) => options,
      }),
    ],
    exports: [CompositionModule, MessagingModule],
  };
}

/** Makes the composition, once for each application. */
@Module({
  providers: [
    Drivers,
    {
      provide: COMPOSITION,
      inject: [OPTIONS_SOURCE, Drivers, ModulesContainer],
      useFactory: async (source: OptionsSource, drivers: Drivers, modules: ModulesContainer) => {
        let options: unknown;
        try {
          options = await source();
        } catch (error) {
          return composedOf(error);
        }
        return compose(options, drivers, problemsOfModules(modules));
      },
    },
    {
      provide: SWITCHYARD_SETTINGS,
      inject: [COMPOSITION],
      useFactory: ({ settings }: Composition) => settings,
    },
  ],
  exports: [COMPOSITION, SWITCHYARD_SETTINGS],
})
class CompositionModule {}

function problemsOfModules(modules: ModulesContainer): string[] {
  const times = [...modules.values()].filter(({ metatype }) => metatype === SwitchyardModule).length;
  if (times < 2) return [];
  return [
    `SwitchyardModule is imported with options ${times} times. Import it once, in the root module; it is global.`,
  ];
}
