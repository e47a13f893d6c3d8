import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { bootExample, closeExamples, placeOrder } from '../support/example.js';
import { jsonOf } from '../support/operations-app.js';

const data = temporaryDirectory();
afterEach(closeExamples);
afterAll(() => data.remove());

it('embedded', async () => {
  const load = async () => (await import('../../examples/embedded/app.module.js')).AppModule;
  const { url } = await bootExample(load, { DATA_DIR: join(data.path, 'embedded') });
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted', transport: 'main' });
});

it('custom-transport', async () => {
  const load = async () => (await import('../../examples/custom-transport/app.module.js')).AppModule;
  const { url } = await bootExample(load, { DATA_DIR: join(data.path, 'folder') });
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted', transport: 'main' });
});

it('config-service', async () => {
  const load = async () => (await import('../../examples/config-service/app.module.js')).AppModule;
  const { url } = await bootExample(load);
  expect(await placeOrder(url)).toMatchObject({ status: 'accepted' });
  await closeExamples();
  try {
    await expect(bootExample(load, { SHOP_DEFAULTS_ATTEMPTS: 'many' })).rejects.toThrow(
      /SHOP_DEFAULTS_ATTEMPTS/,
    );
  } finally {
    delete process.env['SHOP_DEFAULTS_ATTEMPTS'];
  }
});

it('own-endpoints', async () => {
  const load = async () => (await import('../../examples/own-endpoints/app.module.js')).AppModule;
  const { url } = await bootExample(load);
  const headers = { authorization: 'Bearer ana' };
  expect(await placeOrder(url, { headers })).toMatchObject({ status: 'accepted' });
  expect(await jsonOf(await fetch(`${url}/status/health`))).toMatchObject({ status: 'ok' });
  const metrics = await (await fetch(`${url}/status/metrics`, { headers })).text();
  expect(metrics).toContain('# TYPE shop_messaging_retries_total counter');
  const me = await fetch(`${url}/messaging/api/v1/me`, { headers });
  expect(await jsonOf(me)).toMatchObject({ subject: 'ana', roles: ['operator'] });
  for (const path of ['/orders', '/status/metrics', '/messaging/api/v1/me'])
    expect([path, (await fetch(url + path)).status]).toEqual([path, 401]);
  for (const path of ['/health', '/metrics'])
    expect([path, (await fetch(url + path, { headers })).status]).toEqual([path, 404]);
});
