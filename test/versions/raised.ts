import type * as formats from '../../src/core/messaging/ports/formats.js';
import type * as embedded from '../../src/infrastructure/services/embedded/database/embedded-format.js';

const EMBEDDED = '../../src/infrastructure/services/embedded/database/embedded-format.js';

/**
 * Loads modules as a version has them whose every format number is higher by one. They share nothing with those of this process.
 *
 * @param load imports them.
 */
export async function raised<T>(load: () => Promise<T>): Promise<T> {
  let loaded: T | undefined;
  await jest.isolateModulesAsync(async () => {
    jest.doMock('../../src/core/messaging/ports/formats.js', () => {
      const actual = jest.requireActual<typeof formats>('../../src/core/messaging/ports/formats.js');
      const numbers = Object.entries(actual.FORMATS).map(([name, number]) => [name, number + 1]);
      return { ...actual, FORMATS: Object.fromEntries(numbers) as typeof actual.FORMATS };
    });
    jest.doMock(EMBEDDED, () => {
      const actual = jest.requireActual<typeof embedded>(EMBEDDED);
      return { ...actual, EMBEDDED_FORMAT: actual.EMBEDDED_FORMAT + 1 };
    });
    loaded = await load();
  });
  jest.dontMock(EMBEDDED);
  jest.dontMock('../../src/core/messaging/ports/formats.js');
  return loaded as T;
}
