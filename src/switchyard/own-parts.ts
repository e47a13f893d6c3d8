/** What a function of the application must return. */
export interface Contract {
  readonly noun: string;
  readonly methods: readonly string[];
}

export const TRANSPORT: Contract = {
  noun: 'a Transport',
  methods: ['connect', 'close', 'ping', 'publish', 'consume', 'backlog'],
};
export const STORE: Contract = { noun: 'a store', methods: ['connect', 'close'] };
export const CONTROL_STORE: Contract = {
  noun: 'a ControlStore',
  methods: ['connect', 'close', 'get', 'put', 'delete', 'list', 'changes'],
};

/** Parts that an application has. A closed one stays closed, so none serves two applications. */
const used = new WeakSet();

interface OwnPart<T> {
  readonly make: () => T | Promise<T>;
  readonly problems: string[];
  /** The name that a transport must have. */
  readonly name?: string;
}

/** Calls a function of the application, and adds a sentence to `problems` when what it returns cannot be used. */
export async function makeOwn<T extends object>(
  contract: Contract,
  key: string,
  { make, problems, name }: OwnPart<T>,
): Promise<T> {
  const part = await make();
  const problem = problemOf(part, contract, name);
  if (problem === undefined) used.add(part);
  else problems.push(`${key} is a function that returned ${problem}`);
  return part;
}

function problemOf(part: unknown, { noun, methods }: Contract, name: string | undefined): string | undefined {
  if (typeof part !== 'object' || part === null)
    return `${part === null ? 'null' : typeof part}. Return ${noun}.`;
  const missing = methods.filter((method) => typeof (part as Record<string, unknown>)[method] !== 'function');
  if (missing.length > 0) return `an object without ${missing.join(', ')}. Return ${noun}.`;
  const { name: own } = part as { readonly name?: unknown };
  if (name !== undefined && own !== name)
    return `a transport with the name ${JSON.stringify(own)}. Give it context.name, which is ${JSON.stringify(name)}.`;
  if (used.has(part)) return 'what it returned before. Make a new one at each call.';
  return undefined;
}
