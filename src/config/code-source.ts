/** Settings that an application gives in code: plain values, functions where they are allowed, and problems. */
export interface CodeSource {
  /** Copies without a prototype. A key that is `undefined` or `null` was not given. */
  readonly value: Record<string, unknown>;
  /** Sentences about values that no setting can have. */
  readonly problems: readonly string[];
  /** Paths of these values, so that nothing else is reported about them. */
  readonly refused: readonly string[];
}

/** Where a value lies: its keys, and how people write them. */
interface Place {
  readonly path: readonly string[];
  readonly text: string;
}

/** Far above any settings; ends the walk through an object that contains itself. */
const MAX_DEPTH = 32;

const FACTORIES: readonly (readonly [RegExp, string])[] = [
  [/^transports\.[^.]+$/, 'its options, or a function (context) => Transport that makes one'],
  [
    /^(deadLetters|idempotency|control)\.store$/,
    'the name of a store, or a function (context) => store that makes one',
  ],
];
const PLAIN = 'text, a number, true, false, a list or a group of keys';

/** What settings say about themselves; those that were read before have it. */
const DERIVED = 'permittedInsecurities';

/** Copies options that were given in code. Never throws, whatever they are. */
export function readCode(options: object): CodeSource {
  const reader = new Reader();
  const { [DERIVED]: _, ...value } = reader.copyGroup(options, { path: [], text: '' });
  const { problems, refused } = reader;
  return { value, problems, refused };
}

class Reader {
  readonly problems: string[] = [];
  readonly refused: string[] = [];

  copyGroup(group: object, { path, text }: Place): Record<string, unknown> {
    const result = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of Object.entries(group)) {
      const below = { path: [...path, key], text: text === '' ? key : `${text}.${key}` };
      const copied = this.#copy(value, below);
      if (copied !== undefined && copied !== null) result[key] = copied;
    }
    return result;
  }

  #copy(value: unknown, place: Place): unknown {
    if (typeof value === 'function') return this.#copyFunction(value, place);
    if (typeof value === 'bigint' || typeof value === 'symbol')
      return this.#refuse(place, `a ${typeof value}`);
    if (typeof value !== 'object' || value === null) return value;
    if (place.path.length > MAX_DEPTH) return this.#refuse(place, 'inside an object that contains itself');
    if (Array.isArray(value)) return this.#copyList(value, place);
    return isPlain(value)
      ? this.copyGroup(value, place)
      : this.#refuse(place, `an instance of ${className(value)}`);
  }

  #copyList(list: readonly unknown[], { path, text }: Place): unknown[] {
    return list.map((item, index) =>
      this.#copy(item, { path: [...path, String(index)], text: `${text}[${index}]` }),
    );
  }

  #copyFunction(value: object, place: Place): unknown {
    if (isClass(value)) return this.#refuse(place, 'a class');
    return factoryAt(place.path) === undefined ? this.#refuse(place, 'a function') : value;
  }

  /** Returns nothing, as what was not given. */
  #refuse({ path, text }: Place, found: string): unknown {
    this.refused.push(path.join('.'));
    this.problems.push(`${text.slice(0, 200)} is ${found}. Give ${factoryAt(path) ?? PLAIN}.`);
    return undefined;
  }
}

/** What else than plain values a key takes: a function where the application brings a transport or a store of its own. */
function factoryAt(path: readonly string[]): string | undefined {
  return FACTORIES.find(([pattern]) => pattern.test(path.join('.')))?.[1];
}

/** Also of another realm, in which tests run. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isClass(value: object): boolean {
  return Function.prototype.toString.call(value).startsWith('class');
}

function className(value: object): string {
  const { name } = (value as { readonly constructor?: { readonly name?: unknown } }).constructor ?? {};
  return typeof name === 'string' && name !== '' ? name : 'a class';
}
