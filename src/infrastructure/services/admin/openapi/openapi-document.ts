import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { z } from 'zod';
import { ADMIN_ACTION, type AdminActionMetadata } from '../access/admin-action.decorator.js';
import { PROBLEM } from '../http/problem.js';
import { problemAnswer } from './problem-answer.js';
import type { DescribedAnswer, RouteDescription } from '../http/route-description.js';

type Json = Readonly<Record<string, unknown>>;

/** Every route that takes a body or a query may return these, and every route the rest. */
const OF_INPUT: readonly (keyof typeof PROBLEM)[] = ['badRequest', 'invalidFilter'];
const OF_CHANGE: readonly (keyof typeof PROBLEM)[] = ['crossSite', 'tooLarge', 'mediaType'];
const OF_ALL: readonly (keyof typeof PROBLEM)[] = ['unauthenticated', 'forbidden', 'tooMany', 'internal'];

const CHANGES: ReadonlySet<string> = new Set(['post', 'put', 'patch', 'delete']);

/**
 * The OpenAPI 3.1 document of these controllers: a path for each described route, with the schemas that parse its requests.
 *
 * @param serverUrl where the paths begin, such as `/messaging`; relative, because a proxy may serve the API elsewhere.
 */
export function openApiDocument(controllers: readonly Type[], serverUrl: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const controller of controllers)
    for (const { path, method, action } of routesOf(controller))
      if (action.description)
        (paths[path] ??= {})[method] = operation(path, method, {
          ...action,
          description: action.description,
        });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Switchyard admin API',
      version: '1.0.0',
      description:
        'Dead letters, consumer groups and transports of one application. Times are RFC 3339 in UTC.',
    },
    servers: [{ url: serverUrl }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
      },
      schemas: { Problem: schemaOf(problemAnswer, 'output') },
    },
  };
}

interface Route {
  readonly path: string;
  readonly method: string;
  readonly action: AdminActionMetadata;
}

function routesOf(controller: Type): Route[] {
  const prefix = Reflect.getMetadata(PATH_METADATA, controller) as string;
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name] as object;
    const action = Reflect.getMetadata(ADMIN_ACTION, handler) as AdminActionMetadata | undefined;
    if (!action) return [];
    const path = Reflect.getMetadata(PATH_METADATA, handler) as string | readonly string[];
    const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod];
    return [path]
      .flat()
      .map((each) => ({ path: addressOf(prefix, each), method: method.toLowerCase(), action }));
  });
}

/** As OpenAPI writes it: `/api/v1/dead-letters/{id}`. */
function addressOf(prefix: string, path: string): string {
  const parts = [prefix, path]
    .join('/')
    .split('/')
    .filter((part) => part !== '');
  return `/${parts.map((part) => part.replace(/^:(.+)$/, '{$1}')).join('/')}`;
}

type Described = AdminActionMetadata & { readonly description: RouteDescription };

function operation(path: string, method: string, { action, role, description }: Described): Json {
  const { summary, query, headers, body, answers, topics } = description;
  return {
    operationId: action,
    summary,
    description: `Requires the role \`${role}\`.${topics === undefined ? ' Denied to callers that are limited to some topics.' : ''}`,
    parameters: [
      ...pathParameters(path),
      ...(query ? parametersOf(query, 'query') : []),
      ...(headers ? parametersOf(headers, 'header') : []),
    ],
    ...(body && { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])),
      ...problemsOf(method, description),
    },
  };
}

function pathParameters(path: string): Json[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 255 },
  }));
}

function parametersOf(described: z.ZodType, where: 'query' | 'header'): Json[] {
  const { properties, required = [] } = schemaOf(described, 'input') as {
    readonly properties: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema,
  }));
}

function answerOf({ description, schema, mediaType = 'application/json', headers }: DescribedAnswer): Json {
  return {
    description,
    ...(schema && { content: { [mediaType]: { schema: schemaOf(schema, 'output') } } }),
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, says]) => [
          name,
          { description: says, schema: { type: 'string' } },
        ]),
      ),
    }),
  };
}

/** One response for each status, with the `type` of every problem that it may be. */
function problemsOf(method: string, { query, body, problems = [] }: RouteDescription): Json {
  const kinds = new Set([
    ...OF_ALL,
    ...(query || body ? OF_INPUT : []),
    ...(CHANGES.has(method) ? OF_CHANGE : []),
    ...problems,
  ]);
  const statuses = new Set([...kinds].map((kind) => PROBLEM[kind].status));
  const responses = [...statuses].map((status) => [
    status,
    {
      description: [...kinds]
        .map((kind) => PROBLEM[kind])
        .filter((problem) => problem.status === status)
        .map(({ title, slug }) => `${title} (\`urn:problem:messaging:${slug}\`)`)
        .join(', or '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ]);
  return Object.fromEntries(responses) as Json;
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, '~standard': __, ...rest } = z.toJSONSchema(schema, { io }) as Json;
  return rest;
}
