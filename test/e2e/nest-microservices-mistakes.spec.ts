import { Controller } from '@nestjs/common';
import * as constants from '@nestjs/microservices/constants.js';
import { EventPattern, MessagePattern, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { lastValueFrom } from 'rxjs';
import { z } from 'zod';
import { defineMessage, MessagingModule } from 'switchyard';
import { connectSwitchyard, SWITCHYARD, SwitchyardServer, topicOf } from 'switchyard/microservices';
import * as metadata from '../../src/integrations/microservices/nest-metadata.js';
import { loadNestMicroservices } from '../../src/integrations/microservices/switchyard-microservices.module.js';
import { type BridgeApp, bootBridge, bridgeImports, closeBridges } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';

afterEach(closeBridges);

const emit = (app: BridgeApp, pattern: unknown, data: unknown): Promise<unknown> =>
  lastValueFrom(app.client.emit(pattern, data));

describe('patterns', () => {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  beforeEach(() => void lines.splice(0));

  it('with wildcards stand for the message types that the application registers', async () => {
    @Controller()
    class Wild {
      @EventPattern('orders.*')
      star(_data: unknown): void {
        note('star');
      }

      @EventPattern('#')
      hash(_data: unknown): void {
        note('hash');
      }

      @EventPattern(/^orders\.p/g)
      expression(_data: unknown): void {
        note('expression');
      }
    }
    const Placed = defineMessage('orders.placed', z.object({ id: z.string() }));
    const bridge = await bootBridge({ controllers: [Wild], imports: [MessagingModule.forFeature([Placed])] });
    await emit(bridge, 'orders.placed', { id: 'o-1' });
    await eventually(() => lines.length === 3 || undefined);
    expect(lines.toSorted()).toEqual(['expression', 'hash', 'star']);
    // The registered type validates what is emitted.
    await expect(emit(bridge, 'orders.placed', { id: 7 })).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
  });

  it('of objects are topics where they are made of names', () => {
    expect(topicOf({ v: 1, cmd: 'sum' })).toBe('cmd.sum.v.1');
    expect(topicOf('{"cmd":"sum","v":1}')).toBe('cmd.sum.v.1');
    expect(topicOf(7)).toBe('7');
    for (const pattern of [
      { cmd: { a: 1 } },
      { cmd: 'a.b' },
      {},
      'a b',
      '{"cmd":',
      null,
      undefined,
      Symbol('a'),
    ])
      expect(() => topicOf(pattern)).toThrow(/stands for no topic.*topicOf/);
  });
});

describe('mistakes', () => {
  async function problemsOf(...controllers: (new () => object)[]): Promise<string> {
    return bootBridge({ controllers }).then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    );
  }

  it('are reported together when the application starts', async () => {
    @Controller()
    class Mistakes {
      @EventPattern({ cmd: { nested: true } })
      nested(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('nothing.*')
      nothing(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern(/^nothing/)
      noExpression(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('orders.placed', { atempts: 3 })
      typo(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('orders.placed', { attempts: 0 })
      range(_data: unknown): void {
        throw new Error('not reached');
      }
    }
    const message = await problemsOf(Mistakes);
    expect(message).toContain('5 configuration problems');
    expect(message).toMatch(/Handler Mistakes.nested has the pattern .*nested.*topicOf\(pattern\)/);
    expect(message).toContain('Mistakes.nothing has the pattern "nothing.*", which matches no registered');
    expect(message).toContain(
      'Mistakes.noExpression has the pattern "^nothing", which matches no registered',
    );
    expect(message).toContain('Mistakes.typo: atempts is not an option of handlers');
    expect(message).toContain('Mistakes.range: attempts is 0');
  });

  it('leave handlers that are bound to another transport alone', async () => {
    const lines: string[] = [];
    @Controller()
    class Bound {
      @MessagePattern({ cmd: { nested: true } }, Transport.RMQ)
      elsewhere(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('orders.bound', SWITCHYARD)
      here(_data: unknown): void {
        lines.push('here');
      }
    }
    const bridge = await bootBridge({ controllers: [Bound] });
    await emit(bridge, 'orders.bound', { id: 'o-1' });
    await eventually(() => lines[0]);
  });

  it('include a strategy that is connected without connectSwitchyard, too late, or without its module', async () => {
    @Controller()
    class Late {
      @EventPattern('orders.late')
      on(_data: unknown): void {
        throw new Error('not reached');
      }
    }
    const module = await Test.createTestingModule({
      imports: bridgeImports({ kind: 'memory' }),
      controllers: [Late],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    app.connectMicroservice({ strategy: app.get(SwitchyardServer) });
    await expect(app.init()).rejects.toThrow(
      'Call connectSwitchyard(app) in place of app.connectMicroservice',
    );

    const { app: started } = await bootBridge({ controllers: [Late] });
    expect(() => connectSwitchyard(started)).toThrow(
      'connectSwitchyard was called after the application had started',
    );
    const bare = (await Test.createTestingModule({}).compile()).createNestApplication({ logger: false });
    expect(() => connectSwitchyard(bare)).toThrow('no SwitchyardMicroservicesModule');
  });

  it('include handlers that nothing serves, because connectSwitchyard was not called', async () => {
    @Controller()
    class Unserved {
      @EventPattern('orders.bound', SWITCHYARD)
      bound(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('orders.unbound')
      unbound(_data: unknown): void {
        throw new Error('not reached');
      }

      @EventPattern('orders.elsewhere', Transport.RMQ)
      elsewhere(_data: unknown): void {
        throw new Error('not reached');
      }
    }
    const warned: string[] = [];
    const warn = (line: unknown): void => void warned.push(String(line));
    const ignore = (): void => undefined;
    const module = await Test.createTestingModule({
      imports: bridgeImports({ kind: 'memory' }),
      controllers: [Unserved],
    })
      .setLogger({ log: ignore, error: ignore, warn })
      .compile();
    const app = module.createNestApplication();
    await expect(app.init()).rejects.toThrow(
      'Unserved.bound is bound to SWITCHYARD, and connectSwitchyard(app)',
    );
    expect(
      warned.filter((line) => line.includes('get nothing from Switchyard: Unserved.unbound.')),
    ).toHaveLength(1);
  });

  it('name the package that is missing', async () => {
    const missing = Object.assign(new Error("Cannot find package '@nestjs/microservices' imported from x"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    await expect(loadNestMicroservices(() => Promise.reject(missing))).rejects.toThrow(
      'SwitchyardMicroservicesModule needs the package "@nestjs/microservices" (^11.1.0 || ^12.0.0), which is not installed. Install it: npm install @nestjs/microservices',
    );
  });
});

it('the keys of metadata are those of Nest', () => {
  expect(metadata).toMatchObject({
    PATTERN: constants.PATTERN_METADATA,
    PATTERN_EXTRAS: constants.PATTERN_EXTRAS_METADATA,
    PATTERN_HANDLER: constants.PATTERN_HANDLER_METADATA,
    TRANSPORT: constants.TRANSPORT_METADATA,
  });
});
