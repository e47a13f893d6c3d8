import { z } from 'zod';
import { defineMessage } from '../message/message-type.js';
import type { DiscoveredHandler } from './discovered-handler.js';
import { HandlerRegistry, type RegistryInput } from './handler-registry.js';
import type { MessageHandlerOptions } from './message-handler.decorator.js';

const OrderPlaced = defineMessage('orders.placed', z.object({}));
const OrderShipped = defineMessage('orders.shipped', z.object({}));

const handler = (
  name: string,
  target: DiscoveredHandler['target'],
  options: MessageHandlerOptions = {},
): DiscoveredHandler => ({ name, target, options, invoke: () => undefined });

const registry = (handlers: DiscoveredHandler[], rest: Partial<RegistryInput> = {}): HandlerRegistry =>
  new HandlerRegistry({
    service: 'shop',
    defaults: {},
    handlers,
    types: [],
    hasIdempotencyStore: false,
    ...rest,
  });

describe('the registry of handlers', () => {
  it('fills in what a handler leaves out, from the module and then from the defaults', () => {
    const { entries, problems } = registry([handler('A.on', OrderPlaced, { attempts: 2 })], {
      defaults: { attempts: 9, timeoutMs: 5 },
    });
    expect(problems).toEqual([]);
    expect(entries).toMatchObject([
      {
        topic: 'orders.placed',
        group: 'shop',
        concurrency: 16,
        ordering: 'none',
        timeoutMs: 5,
        policy: { attempts: 2 },
      },
    ]);
  });

  it('expands a pattern over the message types that are registered, wherever they come from', () => {
    const { entries } = registry(
      [handler('Audit.on', 'orders.*', { group: 'audit' }), handler('A.on', OrderPlaced)],
      {
        types: [OrderShipped],
      },
    );
    expect(entries.filter((entry) => entry.group === 'audit').map((entry) => entry.topic)).toEqual([
      'orders.shipped',
      'orders.placed',
    ]);
  });

  it('validates for a handler that names the topic when the type of that name is known', () => {
    const { entries } = registry([handler('A.on', 'orders.placed'), handler('B.on', 'strange.topic')], {
      types: [OrderPlaced],
    });
    expect(entries.map((entry) => entry.type)).toEqual([OrderPlaced, undefined]);
  });

  describe('aliases', () => {
    const Renamed = defineMessage('shop.placed', z.object({}), {
      aliases: ['orders.created', 'orders.made'],
    });
    const topicsOf = (handlers: DiscoveredHandler[], types: RegistryInput['types'] = []): unknown[] =>
      registry(handlers, { types }).entries.map(({ topic, type }) => [topic, type]);
    const everyName = ['shop.placed', 'orders.created', 'orders.made'].map((name) => [name, Renamed]);

    it('has a handler of the type consume the topics of its earlier names', () => {
      expect(topicsOf([handler('A.on', Renamed)])).toEqual(everyName);
      expect(topicsOf([handler('A.on', 'shop.placed')], [Renamed])).toEqual(everyName);
      expect(topicsOf([handler('A.on', 'shop.*')], [Renamed])).toEqual(everyName);
    });

    it('handles what a handler of an earlier name gets as the type', () => {
      expect(topicsOf([handler('A.on', 'orders.made')], [Renamed])).toEqual([['orders.made', Renamed]]);
      expect(topicsOf([handler('A.on', 'orders.*')], [Renamed, OrderPlaced])).toEqual([
        ['orders.placed', OrderPlaced],
        ...everyName.slice(1),
      ]);
    });

    it('reports those that are names or aliases of others, or no names', () => {
      const types = [
        OrderPlaced,
        defineMessage('a', z.object({}), { aliases: ['orders.placed', 'c'] }),
        defineMessage('b', z.object({}), { aliases: ['c', 'b', 'd', 'd', 'a..b'] }),
        defineMessage('e', z.object({}), { aliases: 'f' as never }),
      ];
      expect(registry([], { types }).problems).toEqual([
        expect.stringContaining('"b" has the alias "b", which is its own name'),
        expect.stringContaining('"b" has the alias "d" twice'),
        expect.stringContaining('"b" has the alias "a..b", which no topic can have'),
        expect.stringContaining('"e" has `aliases` that are no list'),
        expect.stringContaining('"a" has the alias "orders.placed", which is the name of another'),
        expect.stringContaining('"b" has the alias "c", which is an alias of "a" as well'),
      ]);
    });

    it('reports another handler of an earlier name in the same group', () => {
      const { problems } = registry([handler('A.on', Renamed), handler('B.on', 'orders.created')]);
      expect(problems).toEqual([expect.stringContaining('Two handlers claim "orders.created"')]);
    });
  });

  it('refuses the version of a type as not yet supported', () => {
    const types = [defineMessage('a', z.object({}), { version: 2 })];
    expect(registry([], { types }).problems).toEqual([expect.stringContaining('not yet supported')]);
  });

  it('knows which message types a pattern would miss', () => {
    const known = registry([handler('Audit.on', 'orders.**')], { types: [OrderPlaced] });
    expect(known.isMissedByPattern(OrderPlaced)).toBe(false);
    expect(known.isMissedByPattern(OrderShipped)).toBe(true);
    expect(known.isMissedByPattern(defineMessage('other', z.object({})))).toBe(false);
  });

  it('reports every mistake together, each naming the handler and what to do', () => {
    const { problems } = registry(
      [
        handler('A.one', OrderPlaced, { group: 'billing' }),
        handler('B.two', OrderPlaced, { group: 'billing' }),
        handler('C.on', 'unmatched.*'),
        handler('D.on', 'a..b'),
        handler('E.on', 'a.(b)+.*'),
        handler('F.on', OrderShipped, { concurrency: 0, attempts: 1.5, group: 'no spaces', timeoutMs: -1 }),
        handler('G.on', OrderShipped, { group: 'g', idempotencyWindowMs: 1_000 }),
        handler('H.on', defineMessage('orders.placed', z.string()), { group: 'h' }),
        handler('I.on', defineMessage('bad name', z.string()), { group: 'i' }),
        handler('J.on', defineMessage('untyped', {} as never), { group: 'j' }),
      ],
      {},
    );
    for (const expected of [
      /Two handlers claim "orders.placed" in group "billing": A.one and B.two. Give one of them another group/,
      /C.on has the pattern "unmatched.\*", which matches no registered message type/,
      /D.on names the topic "a..b"/,
      /E.on has the pattern "a.\(b\)\+.\*", which has the segment "\(b\)\+"/,
      /F.on: concurrency is 0; use a whole number from 1 to 10000/,
      /F.on: attempts is 1.5/,
      /F.on: group is "no spaces"/,
      /F.on: timeoutMs is -1/,
      /G.on sets idempotencyWindowMs, but the module has no idempotency store/,
      /Two message types are named "orders.placed" \(the second comes from H.on\)/,
      /"bad name" has no usable name/,
      /"untyped" has a schema without types/,
    ]) {
      expect(problems).toContainEqual(expect.stringMatching(expected));
    }
  });
});
