import * as fs from 'node:fs';
import * as common from '@nestjs/common';
import { Test } from '@nestjs/testing';
import * as switchyard from '../../src/index.js';
import { blocksOf, runBlock } from '../support/page-blocks.js';

const [block] = blocksOf(fs.readFileSync('docs/using/requests.md', 'utf8'));

it('docs/using/requests.md has an application that answers', async () => {
  expect(block?.[0]).toBe('prices.ts');
  const page = runBlock(block?.[1] ?? '', { switchyard, '@nestjs/common': common });
  const module = await Test.createTestingModule({
    imports: [
      switchyard.SwitchyardModule.forRoot({ service: 'shop', transports: { main: { kind: 'memory' } } }),
      page['PricesModule'] as common.Type,
    ],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0);
  try {
    const url = `${await app.getUrl()}/prices`;
    const [known, unknown] = await Promise.all([fetch(`${url}/a-1`), fetch(`${url}/b-2`)]);
    expect([known.status, await known.json(), unknown.status]).toEqual([200, { cents: 250 }, 500]);
    const asked = app
      .get(switchyard.MessagingService)
      .request(
        page['QuotePrice'] as switchyard.RequestType<{ sku: string }>,
        { sku: 'b-2' },
        { timeoutMs: 2_000 },
      );
    await expect(asked).rejects.toMatchObject({ code: 'NO_SUCH_SKU', message: 'There is no article b-2.' });
  } finally {
    await app.close();
  }
});
