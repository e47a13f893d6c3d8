import { machineNow, wallNow } from './machine-time.js';

const { setInterval, clearInterval } = globalThis;
const LOOK_MS = 250;
/** What Jest takes for a timeout that never comes. */
const NEVER_MS = 2 ** 31 - 1;
const DEFAULT_MS = 30_000;

type Run = (this: unknown, ...args: unknown[]) => unknown;

/** Fails like a timeout of Jest, in milliseconds of a machine that has nothing else to do. */
function within(run: Run, limitMs: number): Run {
  return function (...args) {
    const [from, deadline] = [wallNow(), machineNow() + limitMs];
    let looking: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      looking = setInterval(() => {
        if (machineNow() <= deadline) return;
        const wallMs = Math.round(wallNow() - from);
        reject(new Error(`Exceeded its ${limitMs} ms (${wallMs} on this machine).`));
      }, LOOK_MS).unref();
    });
    const running = (async () => run.apply(this, args))();
    return Promise.race([running, late]).finally(() => clearInterval(looking));
  };
}

/** With the function at this place of the arguments, and the timeout after it. */
function timed(declare: object, at: number): object {
  return new Proxy(declare, {
    apply: (target, self, args: unknown[]) => {
      const run = args[at] as Run | undefined;
      if (typeof run !== 'function') return Reflect.apply(target as Run, self, args);
      const limitMs = typeof args[at + 1] === 'number' ? (args[at + 1] as number) : DEFAULT_MS;
      return Reflect.apply(target as Run, self, [...args.slice(0, at), within(run, limitMs), NEVER_MS]);
    },
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name === 'each')
        return (...table: unknown[]) => timed(Reflect.apply(value as Run, target, table) as object, at);
      return ['only', 'skip', 'failing'].includes(String(name)) ? timed(value, at) : value;
    },
  });
}

const scope = globalThis as unknown as Record<string, object>;
for (const name of ['it', 'test']) scope[name] = timed(scope[name]!, 1);
for (const name of ['beforeAll', 'beforeEach', 'afterEach', 'afterAll']) scope[name] = timed(scope[name]!, 0);
