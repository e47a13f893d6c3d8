import type { StandardSchemaV1 } from '@standard-schema/spec';
import { MessagingError } from '../ports/errors.js';

interface ClassValidator {
  validate(object: object, options: object): Promise<ValidationError[]>;
}

interface ClassTransformer {
  plainToInstance<T>(type: new () => T, plain: unknown): T;
}

interface ValidationError {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly ValidationError[];
}

/** What an object literal needs to be turned into an instance of the class. */
type PropertiesOf<T> = {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- separates methods from properties
  readonly [K in keyof T as T[K] extends Function ? never : K]: T[K];
};

/**
 * Makes a class with class-validator decorators usable as the schema of a message type. Handlers receive instances of
 * the class; properties without a decorator are refused.
 *
 * Needs the packages class-validator and class-transformer, which are loaded at the first message.
 *
 * @throws MessagingError `DEPENDENCY_MISSING` on first use when one of them is not installed.
 */
export function dtoSchema<T extends object>(type: new () => T): StandardSchemaV1<PropertiesOf<T>, T> {
  let loaded: Promise<[ClassValidator, ClassTransformer]> | undefined;
  const validate = async (value: unknown): Promise<StandardSchemaV1.Result<T>> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return { issues: [{ message: `must be an object for ${type.name}` }] };
    }
    loaded ??= Promise.all([
      load<ClassValidator>('class-validator', () => import('class-validator')),
      load<ClassTransformer>('class-transformer', () => import('class-transformer')),
    ]);
    const [validator, transformer] = await loaded;
    const instance = transformer.plainToInstance(type, value);
    const errors = await validator.validate(instance, { whitelist: true, forbidNonWhitelisted: true });
    return errors.length === 0 ? { value: instance } : { issues: issuesOf(errors, []) };
  };
  return { '~standard': { version: 1, vendor: 'class-validator', validate } };
}

function issuesOf(errors: readonly ValidationError[], path: readonly string[]): StandardSchemaV1.Issue[] {
  return errors.flatMap((error) => {
    const here = [...path, error.property];
    const own = Object.values(error.constraints ?? {}).map((message) => ({ message, path: here }));
    return [...own, ...issuesOf(error.children ?? [], here)];
  });
}

async function load<T>(name: string, importModule: () => Promise<unknown>): Promise<T> {
  try {
    return (await importModule()) as T;
  } catch (cause) {
    throw new MessagingError(
      'DEPENDENCY_MISSING',
      `dtoSchema() needs the package ${name}. Run: npm install ${name}`,
      { cause },
    );
  }
}
