import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CONTROLLERS } from '../../src/infrastructure/services/admin/admin.module.js';
import { openApiDocument } from '../../src/infrastructure/services/admin/openapi/openapi-document.js';

type Content = Readonly<Record<string, { readonly schema: object }>>;
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const document = openApiDocument(CONTROLLERS, '/messaging') as {
  readonly paths: Paths;
  readonly components: object;
};
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);

/** Names of the operations that were answered as documented, each with its status: `list 200`. */
export const seenAnswers = new Set<string>();
/** All that there are. */
export const documentedOperations = Object.values(document.paths).flatMap((methods) =>
  Object.values(methods).map(({ operationId }) => operationId),
);

/** `fetch`, which throws when a route of the admin API answers what its OpenAPI document does not have. */
export async function documentedFetch(address: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(address, init);
  const path = /\/api\/v1\/[^?]*/.exec(address)?.[0];
  const operation = path && operationAt(path, (init.method ?? 'GET').toLowerCase());
  if (operation) await check(operation, response.clone());
  return response;
}

function operationAt(path: string, method: string): Operation | undefined {
  const matching = Object.keys(document.paths)
    .filter((template) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
    // A fixed address comes before one with a parameter.
    .sort((one, other) => one.split('{').length - other.split('{').length);
  return matching.map((template) => document.paths[template]?.[method]).find((each) => each !== undefined);
}

async function check({ operationId, responses }: Operation, response: Response): Promise<void> {
  const documented = responses[response.status];
  if (!documented) throw new Error(`${operationId} has no answer ${response.status} in its document.`);
  seenAnswers.add(`${operationId} ${response.status}`);
  const mediaType = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const text = await textOf(response, mediaType);
  if (!documented.content && text === '') return;
  const content = documented.content?.[mediaType];
  if (!content)
    throw new Error(`${operationId} ${response.status} answers ${mediaType}, which is not documented.`);
  if (!mediaType.endsWith('json')) return;
  const validate = ajv.compile({ ...content.schema, components: document.components });
  if (!validate(JSON.parse(text)))
    throw new Error(
      `${operationId} ${response.status} is not as documented: ${ajv.errorsText(validate.errors)}\n${text}`,
    );
}

/** Nothing of a stream, which has no end. */
async function textOf(response: Response, mediaType: string): Promise<string> {
  if (mediaType !== 'text/event-stream') return response.text();
  // Ends once the caller cancels its own as well.
  void response.body?.cancel();
  return '(a stream)';
}
