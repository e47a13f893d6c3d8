import { type CanActivate, Controller, Injectable, UseGuards } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { finalize, lastValueFrom, type Observable, of } from 'rxjs';
import { type SwitchyardContext, SwitchyardRecordBuilder } from 'switchyard/microservices';
import { type BridgeApp, bootBridge, bootPureBridge, closeBridges } from '../support/bridge-app.js';
import { eventually } from '../support/demonstration.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

@Injectable()
class Closed implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

const seen: string[] = [];

@Controller()
class Prices {
  @MessagePattern({ cmd: 'sum' }, { group: 'prices', timeoutMs: 10_000 })
  sum(@Payload() numbers: readonly number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0);
  }

  @MessagePattern('prices.observed')
  observed(_data: unknown): Observable<string> {
    return of('only');
  }

  @MessagePattern('prices.stream')
  stream(_data: unknown): Observable<string> {
    return of('first', 'last').pipe(finalize(() => seen.push('stream ends')));
  }

  @MessagePattern('prices.nothing')
  nothing(_data: unknown): void {
    seen.push('nothing');
  }

  @MessagePattern('prices.object')
  object(_data: unknown): never {
    throw new RpcException({ status: 'error', code: 'NO_STOCK', sku: 's-1' });
  }

  @MessagePattern('prices.text')
  text(_data: unknown): never {
    throw new RpcException('no such article');
  }

  @MessagePattern('prices.secret')
  secret(_data: unknown): never {
    throw new TypeError('postgres://user:password@host');
  }

  @UseGuards(Closed)
  @MessagePattern('prices.closed')
  closed(_data: unknown): void {
    seen.push('not reached');
  }

  @MessagePattern('prices.slow')
  slow(@Ctx() { signal }: SwitchyardContext): Promise<void> {
    seen.push('slow begins');
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        seen.push('slow is aborted');
        reject(new Error('aborted'));
      });
    });
  }
}

beforeEach(() => void seen.splice(0));
afterEach(closeBridges);

const ask = (app: Pick<BridgeApp, 'client'>, pattern: unknown, data: unknown): Promise<unknown> =>
  lastValueFrom(app.client.send(pattern, data), { defaultValue: 'no value' });

describe.each([
  ['a hybrid application', bootBridge],
  ['a pure microservice', bootPureBridge],
])('send to @MessagePattern in %s', (_what, boot) => {
  it('gets what the handler returns', async () => {
    const app = await boot({ controllers: [Prices] });
    await expect(ask(app, { cmd: 'sum' }, [1, 2, 3])).resolves.toBe(6);
    await expect(ask(app, 'prices.observed', {})).resolves.toBe('only');
    await expect(ask(app, 'prices.nothing', {})).resolves.toBe('no value');
  });

  it('fails as with a transport of Nest, or with a code that does not show what may be secret', async () => {
    const app = await boot({ controllers: [Prices] });
    await expect(ask(app, 'prices.object', {})).rejects.toEqual({
      status: 'error',
      code: 'NO_STOCK',
      sku: 's-1',
    });
    await expect(ask(app, 'prices.text', {})).rejects.toEqual({
      status: 'error',
      message: 'no such article',
    });
    await expect(ask(app, 'prices.closed', {})).rejects.toMatchObject({
      message: 'Forbidden resource',
      retryable: false,
    });
    const masked = await ask(app, 'prices.secret', {}).catch((error: unknown) => error);
    expect(masked).toMatchObject({ code: 'TypeError' });
    expect(JSON.stringify(masked) + String(masked)).not.toContain('password');
    expect(seen).toEqual([]);
  });
});

describe('send', () => {
  it('fails for a handler that emits a second value, because a request has one reply', async () => {
    const app = await bootBridge({ controllers: [Prices] });
    await expect(ask(app, 'prices.stream', {})).rejects.toMatchObject({
      code: 'REPLY_INVALID',
      message: expect.stringContaining('Prices.stream emitted a second value') as string,
      retryable: false,
    });
    expect(seen).toEqual(['stream ends']);
  });

  it('ends at its deadline, where the signal of the handler aborts', async () => {
    const app = await bootBridge({ controllers: [Prices] });
    const record = new SwitchyardRecordBuilder({}).setTimeout(300).build();
    await expect(ask(app, 'prices.slow', record)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      retryable: true,
    });
    await eventually(() => seen.includes('slow is aborted') || undefined);
  });

  it('asks with each subscription, and gives up where it is unsubscribed', async () => {
    const app = await bootBridge({ controllers: [Prices] });
    const asked = app.client.send('prices.nothing', {});
    const brief = new SwitchyardRecordBuilder({}).setTimeout(1_000).build();
    expect(seen).toEqual([]);
    await lastValueFrom(asked, { defaultValue: undefined });
    await lastValueFrom(asked, { defaultValue: undefined });
    expect(seen).toEqual(['nothing', 'nothing']);
    const subscription = app.client.send('prices.slow', brief).subscribe(() => seen.push('not reached'));
    await eventually(() => seen.includes('slow begins') || undefined);
    const ended = (): unknown[] =>
      app.events.filter((event) => event.type === 'request-ended' && event.topic === 'prices.slow');
    expect(ended()).toEqual([]);
    subscription.unsubscribe();
    await new Promise(setImmediate);
    expect(ended()).toMatchObject([{ outcome: 'rejected' }]);
    expect(seen).not.toContain('not reached');
  });

  it('never hangs: without a handler, without a topic, with options that a request has not', async () => {
    const app = await bootBridge({ controllers: [Prices] });
    const short = (): unknown => new SwitchyardRecordBuilder({}).setTimeout(500).build();
    await expect(ask(app, 'prices.unknown', short())).rejects.toMatchObject({ retryable: true });
    await expect(ask(app, { cmd: { nested: 1 } }, {})).rejects.toMatchObject({ code: 'TOPIC_INVALID' });
    await expect(ask(app, 'prices.nothing', null)).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' });
    const delayed = new SwitchyardRecordBuilder({}).setDelay(1).build();
    await expect(ask(app, 'prices.nothing', delayed)).rejects.toThrow('has neither a delay nor an id');
    await expect(lastValueFrom(app.client.emit({ cmd: 'sum' }, [1]))).rejects.toThrow(
      '"cmd.sum" is a request and was not published',
    );
  });
});

it('requests on the embedded transport are answered, and dropped after a restart that outlasts their deadline', async () => {
  const data = temporaryDirectory();
  const transport = { kind: 'embedded', directory: data.path } as const;
  const first = await bootBridge({ controllers: [Prices] }, { transport });
  await expect(ask(first, { cmd: 'sum' }, [1, 2, 3])).resolves.toBe(6);
  await expect(ask(first, 'prices.nothing', {})).resolves.toBe('no value');
  await first.app.close();
  seen.splice(0);
  const idle = await bootBridge({}, { transport });
  const brief = new SwitchyardRecordBuilder({}).setTimeout(300).build();
  await expect(ask(idle, 'prices.nothing', brief)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await idle.app.close();
  const next = await bootBridge({ controllers: [Prices] }, { transport });
  await eventually(() => next.events.find(({ type }) => type === 'request-dropped'));
  await expect(ask(next, 'prices.nothing', {})).resolves.toBe('no value');
  expect(seen).toEqual(['nothing']);
  await closeBridges();
  data.remove();
});

it('mistakes of @MessagePattern are reported when the application starts', async () => {
  @Controller()
  class Mistakes {
    @MessagePattern('prices.*')
    wild(_data: unknown): void {
      seen.push('not reached');
    }

    @MessagePattern('prices.twice')
    one(_data: unknown): void {
      seen.push('not reached');
    }

    @MessagePattern('prices.twice')
    two(_data: unknown): void {
      seen.push('not reached');
    }

    @MessagePattern('prices.options', { attempts: 3 })
    options(_data: unknown): void {
      seen.push('not reached');
    }

    @EventPattern('prices.both')
    event(_data: unknown): void {
      seen.push('not reached');
    }
  }
  const failed = await bootBridge({ controllers: [Mistakes] }).catch((error: unknown) => String(error));
  expect(failed).toContain('Mistakes.wild is a @MessagePattern with the wildcards "prices.*"');
  expect(failed).toMatch(/prices\.twice.*Mistakes\.one.*Mistakes\.two/);
  expect(failed).toContain('Mistakes.options: attempts');
});
