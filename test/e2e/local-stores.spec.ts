import { Logger } from '@nestjs/common';
import { systemClock } from '../../src/core/messaging/index.js';
import type { Transport } from '../../src/core/messaging/ports/transport.js';
import { HealthModule } from '../../src/infrastructure/services/health/health.module.js';
import { MemoryDeadLetterStore } from '../../src/infrastructure/services/memory/memory-dead-letter.store.js';
import { MemoryIdempotencyStore } from '../../src/infrastructure/services/memory/memory-idempotency.store.js';
import { SeverableTransport } from '../../src/testing/severable-transport.js';
import { memoryTransport } from '../support/messaging-app.js';
import { authorizer, bootOperations, closeOperations, jsonOf } from '../support/operations-app.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeOperations();
});

/** As a broker looks to the core: a transport that does not say that it is local. */
const broker = (): Transport => new SeverableTransport(memoryTransport('main'), () => undefined);

async function boot(transport: Transport, shared: { deadLetters?: boolean; idempotency?: boolean } = {}) {
  const lines: string[] = [];
  jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void lines.push(String(line)));
  const { url } = await bootOperations(
    { imports: [HealthModule.forRoot({ authorizer, cacheMs: 0 })] },
    {
      transports: [transport],
      deadLetters: new MemoryDeadLetterStore({ shared: shared.deadLetters ?? true, clock: systemClock }),
      idempotency: new MemoryIdempotencyStore({ shared: shared.idempotency ?? true }),
    },
  );
  const { status, info } = await jsonOf(
    await fetch(`${url}/health`, { headers: { authorization: 'Bearer viewer' } }),
  );
  const stateOf = (name: string): unknown => info[name]?.state;
  return {
    status,
    deadLetters: stateOf('messaging-dead-letters'),
    idempotency: stateOf('messaging-idempotency'),
    notices: lines.filter((line) => line.includes('Only this process sees')),
  };
}

describe('stores that only one process sees', () => {
  it('are said once at the start and shown in health behind a broker, and change no status', async () => {
    expect(await boot(broker())).toEqual({
      status: 'ok',
      deadLetters: 'local',
      idempotency: 'local',
      notices: [expect.stringContaining('the store of dead-letters and idempotency')],
    });
  });

  it('are not mentioned where one process is enough', async () => {
    expect(await boot(broker(), { deadLetters: false })).toMatchObject({
      deadLetters: undefined,
      idempotency: 'local',
      notices: [expect.stringContaining('the store of idempotency,')],
    });
    jest.restoreAllMocks();
    expect(await boot(broker(), { deadLetters: false, idempotency: false })).toMatchObject({
      deadLetters: undefined,
      idempotency: undefined,
      notices: [],
    });
  });

  it('are not mentioned without a broker', async () => {
    expect(await boot(memoryTransport('main'))).toMatchObject({
      deadLetters: undefined,
      idempotency: undefined,
      notices: [],
    });
  });
});
