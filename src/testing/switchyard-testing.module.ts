import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  Optional,
} from '@nestjs/common';
import { MessagingModule } from '../core/messaging/messaging.module.js';
import { MESSAGING_VIEW, type MessagingView } from '../core/messaging/messaging.view.js';
import { ShutdownModule, ShutdownService } from '../core/messaging/runtime/shutdown.module.js';
import { BusHarness } from './bus-harness.js';
import { SwitchyardHarness } from './harness.js';
import { noteOpen, placeOfCaller } from './open-harnesses.js';
import { makeTestBus, type SwitchyardTestingOptions, type TestBus } from './testing.options.js';

const TEST_BUS = Symbol('switchyard:test-bus');
const MADE_AT = Symbol('switchyard:made-at');

/**
 * The bus for a test, in the place of `SwitchyardModule`: the same core and policies, on transports in memory and on
 * virtual time. Provides {@link SwitchyardHarness}.
 *
 * @example
 * ```ts
 * const app = await Test.createTestingModule({ imports: [OrdersModule, SwitchyardTestingModule.forTest()] }).compile();
 * await app.init();
 * const messaging = app.get(SwitchyardHarness);
 * ```
 */
@Module({})
export class SwitchyardTestingModule {
  constructor(@Optional() harness?: SwitchyardHarness) {
    if (!harness)
      throw new Error(
        'SwitchyardTestingModule is imported without options. Import SwitchyardTestingModule.forTest().',
      );
  }

  /** @param options for what is not as in most tests. Mistakes are reported when the application starts. */
  static forTest(options: SwitchyardTestingOptions = {}): DynamicModule {
    const parts: DynamicModule = {
      module: TestBusModule,
      providers: [{ provide: TEST_BUS, useFactory: () => makeTestBus(options) }],
      exports: [TEST_BUS],
    };
    return {
      module: SwitchyardTestingModule,
      global: true,
      imports: [
        parts,
        ShutdownModule,
        MessagingModule.forRootAsync({
          imports: [parts],
          inject: [TEST_BUS],
          useFactory: (bus: TestBus) => bus.options,
        }),
      ],
      providers: [
        { provide: MADE_AT, useValue: placeOfCaller() },
        { provide: BusHarness, inject: [TEST_BUS], useFactory: (bus: TestBus) => new BusHarness(bus) },
        { provide: SwitchyardHarness, useExisting: BusHarness },
        HarnessLife,
      ],
      exports: [SwitchyardHarness, MessagingModule],
    };
  }
}

/** Lets the harness know where the application is in its life. */
@Injectable()
class HarnessLife implements OnApplicationBootstrap {
  constructor(
    private readonly harness: BusHarness,
    private readonly shutdown: ShutdownService,
    @Inject(MESSAGING_VIEW) private readonly view: MessagingView,
    @Inject(MADE_AT) private readonly madeAt: string,
  ) {}

  onApplicationBootstrap(): void {
    const { harness, view, madeAt, shutdown } = this;
    const closed = noteOpen(madeAt);
    harness.started(view);
    shutdown.beforeDestroy(async () => {
      closed();
      harness.closing(view);
    });
  }
}

@Module({})
class TestBusModule {}
