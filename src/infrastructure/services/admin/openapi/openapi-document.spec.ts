import { CONTROLLERS } from '../admin.module.js';
import { openApiDocument } from './openapi-document.js';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly responses: Readonly<Record<string, object>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const document = openApiDocument(CONTROLLERS, '/messaging');
const paths = document['paths'] as Paths;

describe('The OpenAPI document', () => {
  it('has every route once, each with an operation of its own name', () => {
    const found = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId}: ${method} ${path}`),
    );
    const names = found.map((each) => each.split(':')[0]);
    expect(new Set(names).size).toBe(names.length);
    expect(found).toEqual(
      expect.arrayContaining([
        'list: get /api/v1/dead-letters',
        'read: get /api/v1/dead-letters/{id}',
        'create-operation: post /api/v1/operations',
        'override-transport: post /api/v1/transports/{name}/actions',
        'remove-group: delete /api/v1/groups',
        'me: get /api/v1/me',
      ]),
    );
  });

  it('describes parameters as the schemas that parse them do', () => {
    const { parameters } = paths['/api/v1/dead-letters']!['get']!;
    const byName = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]));
    expect(byName['status']).toMatchObject({ type: 'string', enum: expect.arrayContaining(['failed']) });
    expect(byName['limit']).toMatchObject({ type: 'string', description: 'must be from 1 to 200' });
    expect(byName['from']).toMatchObject({ type: 'string', pattern: expect.any(String) });
    expect(byName['topic']).toMatchObject({ type: 'string', maxLength: 255 });
    expect(paths['/api/v1/dead-letters/{id}']!['get']!.parameters).toEqual([
      expect.objectContaining({ name: 'id', in: 'path', required: true }),
    ]);
  });

  it('lists the problems of a route by status', () => {
    const { responses } = paths['/api/v1/operations/{id}']!['patch']!;
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining([
        '200',
        '400',
        '401',
        '403',
        '404',
        '409',
        '412',
        '413',
        '415',
        '422',
        '429',
        '500',
        '503',
      ]),
    );
    expect(responses['503']).toMatchObject({ description: expect.stringContaining('store-unavailable') });
  });
});
