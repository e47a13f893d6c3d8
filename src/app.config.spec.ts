import * as path from 'node:path';

import { CWD, load, problemsOf } from '../test/support/load-config.js';

const CANARY = 'canary-4f1c9d-do-not-show';

describe('without any configuration', () => {
  it('everything goes to one embedded transport in ./data', () => {
    const config = load({});
    expect(config.transports).toEqual({
      local: expect.objectContaining({
        kind: 'embedded',
        directory: path.join(CWD, 'data/transports/local'),
      }),
    });
    expect(config.routes).toEqual([{ match: '**', transport: 'local' }]);
    const stores = { store: 'embedded', shared: true };
    const limits = { dropPending: false };
    expect(config.deadLetters).toEqual({
      ...stores,
      ...limits,
      directory: path.join(CWD, 'data/dead-letters'),
    });
    expect(config.idempotency).toEqual({ ...stores, directory: path.join(CWD, 'data/idempotency') });
    expect(config.http.port).toBe(3_000);
  });

  it('nothing can be changed afterwards', () => {
    const config = load({});
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.routes[0]!, { match: 'x' })).toThrow(TypeError);
    expect(() => Object.assign(config.transports, { x: {} })).toThrow(TypeError);
  });
});

describe('precedence', () => {
  it('is code, then the file, then the environment, key by key', () => {
    const file = 'service: from-file\nlimits: {maxHeaders: 7}\nhttp: {port: 1}\n';
    const config = load({ file, env: { SWITCHYARD_LIMITS__MAX_HEADER_BYTES: '1KiB', PORT: '2' } });
    expect(config.service).toBe('from-file');
    expect(config.limits).toEqual({ maxBodyBytes: 4 * 2 ** 20, maxHeaders: 7, maxHeaderBytes: 1_024 });
    expect(config.http.port).toBe(2);
  });

  it('PORT and DATA_DIR give way to their long names', () => {
    const env = { PORT: '2', SWITCHYARD_HTTP__PORT: '3', DATA_DIR: '/a', SWITCHYARD_DATA_DIR: 'b' };
    expect(load({ env }).http.port).toBe(3);
    expect(load({ env }).dataDir).toBe(path.join(CWD, 'b'));
    expect(load({ env: { DATA_DIR: '/a' } }).deadLetters.directory).toBe(path.resolve('/a/dead-letters'));
  });

  it('an empty variable is not set, and a key without a value is not given', () => {
    const config = load({ env: { PORT: '', SWITCHYARD_SERVICE: '' }, file: 'admin:\nservice:\n' });
    expect([config.http.port, config.service, config.admin.enabled]).toEqual([3_000, 'shop', true]);
  });

  it('SWITCHYARD_CONFIG names another file, which must exist', () => {
    const files = { [path.resolve('/etc/shop.yaml')]: 'service: other\n' };
    expect(load({ env: { SWITCHYARD_CONFIG: '/etc/shop.yaml' }, files }).service).toBe('other');
    expect(problemsOf({ env: { SWITCHYARD_CONFIG: '/etc/shop.yaml' } })).toEqual([
      '/etc/shop.yaml cannot be read (ENOENT). SWITCHYARD_CONFIG names it.',
    ]);
  });
});

describe('variables', () => {
  it('refine the default transport', () => {
    const { transports } = load({ env: { SWITCHYARD_TRANSPORTS__LOCAL__MAX_BYTES: '512MiB' } });
    expect(transports['local']).toMatchObject({ kind: 'embedded', maxBytes: 512 * 2 ** 20 });
  });

  it('find a transport by its name in capitals and add one that is not there', () => {
    const file = 'transports: {Work-fast: {kind: memory}}\nroutes: [{match: "**", transport: Work-fast}]\n';
    const env = {
      SWITCHYARD_TRANSPORTS__WORK_FAST__MAX_BYTES: '1MiB',
      SWITCHYARD_TRANSPORTS__MY_LOG__KIND: 'embedded',
    };
    const { transports } = load({ file, env });
    expect(Object.keys(transports)).toEqual(['Work-fast', 'my-log']);
    expect(transports['Work-fast']).toMatchObject({ maxBytes: 2 ** 20 });
  });

  it('take lists and groups as YAML or JSON', () => {
    const env = {
      SWITCHYARD_TRANSPORTS__LOCAL: '{"kind":"memory"}',
      SWITCHYARD_ROUTES: '[{ match: "orders.*", transport: local }]',
    };
    expect(load({ env }).routes).toEqual([{ match: 'orders.*', transport: 'local' }]);
    expect(load({ env }).transports['local']).toMatchObject({ kind: 'memory' });
  });

  it.each(['', '_REDIS', '_REDIS_MASTER', '_RABBITMQ', '_METRICS', '_DEFAULTS', '_TRANSPORTS', '_SERVICE'])(
    'links to a Service of the cluster are no settings: switchyard%s',
    (service) => {
      const link = (name: string): string => `SWITCHYARD${service}_${name}`;
      const env = {
        [link('SERVICE_HOST')]: '10.0.0.1',
        [link('SERVICE_PORT')]: '6379',
        [link('SERVICE_PORT_HTTP')]: '80',
        [link('PORT')]: 'tcp://10.0.0.1:6379',
        [link('PORT_6379_TCP')]: 'tcp://10.0.0.1:6379',
        [link('PORT_6379_TCP_PROTO')]: 'tcp',
        [link('PORT_6379_TCP_PORT')]: '6379',
        [link('PORT_6379_TCP_ADDR')]: '10.0.0.1',
        [link('PORT_53_UDP_ADDR')]: 'fd00::1',
      };
      expect(load({ env })).toEqual(load({}));
    },
  );

  it('variables that only resemble such a link are still mistakes', () => {
    const env = { SWITCHYARD_REDIS_PORT: '6379', SWITCHYARD_REDIS_HOST: '10.0.0.1' };
    expect(problemsOf({ env })).toHaveLength(2);
  });

  it('that Kubernetes sets for a service called switchyard are not ours', () => {
    const env = {
      SWITCHYARD_PORT: 'tcp://10.0.0.1:80',
      SWITCHYARD_SERVICE_HOST: '10.0.0.1',
      SWITCHYARD_SERVICE_PORT_HTTP: '80',
      SWITCHYARD_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(problemsOf({ env })).toEqual([]);
    expect(problemsOf({ env: { SWITCHYARD_PORT: '80' } })).toHaveLength(1);
  });

  it('with _FILE read the value from a file, without its last newline', () => {
    const files = { [path.join(CWD, 'secret')]: `- {name: ana, key: ${CANARY}}\n` };
    const config = load({ env: { SWITCHYARD_ADMIN__API_KEYS_FILE: 'secret' }, files });
    expect(config.admin.apiKeys).toEqual([
      {
        name: 'ana',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        roles: ['viewer', 'operator', 'admin', 'payload:read'],
      },
    ]);
    expect(JSON.stringify(config)).not.toContain(CANARY);
    const service = load({
      env: { SWITCHYARD_SERVICE_FILE: 'name' },
      files: { [path.join(CWD, 'name')]: 'mail\r\n' },
    });
    expect(service.service).toBe('mail');
  });
});

describe('fallback', () => {
  it('that was added earlier is drained once it is off again', () => {
    const config = load({ directories: [path.join(CWD, 'data/transports/fallback')] });
    expect(config.routes).toEqual([{ match: '**', transport: 'local' }]);
    expect(config.transports['fallback']).toMatchObject({ kind: 'embedded' });
    expect(config.drain).toEqual(['fallback']);
    expect(load({}).drain).toEqual([]);
  });

  const file = 'transports: {a: {kind: memory}, b: {kind: memory}}\nroutes: [{match: "x.*", transport: b}]\n';

  it('sends every route to the first transport of its kind and drains the others', () => {
    const config = load({ file, env: { SWITCHYARD_FALLBACK: 'memory' } });
    expect(config.routes).toEqual([{ match: '**', transport: 'a' }]);
    expect(config.drain).toEqual(['b']);
    expect(Object.keys(config.transports)).toEqual(['a', 'b']);
  });

  it('adds a transport when there is none of its kind', () => {
    const config = load({ file, env: { SWITCHYARD_FALLBACK: 'embedded' } });
    expect(config.routes).toEqual([{ match: '**', transport: 'fallback' }]);
    expect(config.drain).toEqual(['a', 'b']);
    expect(config.transports['fallback']).toMatchObject({
      kind: 'embedded',
      directory: path.join(CWD, 'data/transports/fallback'),
    });
  });

  it('does not take over a transport of another kind that is called fallback', () => {
    const named = 'transports: {fallback: {kind: memory}}\nfallback: embedded\n';
    expect(problemsOf({ file: named }).join()).toContain('must be of the kind that the key fallback names');
  });
});
