import type { TransportEvent } from '../../../../core/messaging/ports/transport.js';
import { ProblemList } from '../../../../core/messaging/transport-kit/problem-list.js';
import { scriptError } from '../client/redis-errors.js';
import { Interruption } from './interruption.js';

let now: number;
let events: TransportEvent[];
let problems: ProblemList;
let interruption: Interruption;

beforeEach(() => {
  now = 0;
  events = [];
  problems = new ProblemList((event) => events.push(event));
  const of = { topic: 't', group: 'g' };
  interruption = new Interruption({ of, problems, clock: { monotonic: () => now } });
});

const SILENCE = new Error('Connection is closed.');
const NOPERM = scriptError('NOPERM no permissions');
const fail = (activity: 'reading' | 'heartbeat' | 'settling', cause: Error, startedAt = now): void =>
  interruption.failed(activity, cause, { error: new Error(`reported: ${cause.message}`), startedAt });
const details = (): string[] => problems.all().map(({ detail }) => detail);

it('reports what the server has refused for 2 s, once, and solves it when it works', () => {
  fail('reading', NOPERM);
  now = 1_999;
  fail('reading', NOPERM);
  expect(details()).toEqual([]);
  for (now = 2_000; now < 10_000; now += 1_000) fail('reading', scriptError(`NOPERM in a script ${now}`));
  expect(problems.all()).toEqual([
    {
      code: 'consumer_interrupted',
      reason: 'NOPERM',
      topic: 't',
      group: 'g',
      detail: 'A consumer of group "g" of "t" gets no messages: reported: NOPERM no permissions',
    },
  ]);
  interruption.works('reading');
  expect(events.map(({ type }) => type)).toEqual(['problem', 'problem-solved']);
});

it('reports silence 8 s after the call began that failed, so that a reconnect is none', () => {
  now = 5_000;
  fail('reading', SILENCE, 0); // a blocking read that was cut
  interruption.works('reading');
  now = 16_000;
  fail('reading', SILENCE, 6_000);
  expect(details()).toEqual([expect.stringContaining('Connection is closed.')]);
});

it('lasts until everything works, and says what matters most', () => {
  fail('heartbeat', NOPERM);
  fail('reading', NOPERM);
  now = 3_000;
  fail('heartbeat', NOPERM);
  expect(details()).toEqual([expect.stringContaining('gets no messages')]);
  interruption.works('reading');
  expect(details()).toEqual([expect.stringContaining('cannot renew its lease')]);
  interruption.works('heartbeat');
  expect(details()).toEqual([]);
});

it('is over when the consumer ends', () => {
  fail('settling', NOPERM);
  now = 3_000;
  fail('settling', NOPERM);
  expect(details()).toEqual([expect.stringContaining('cannot settle')]);
  interruption.ended();
  expect(details()).toEqual([]);
});
