import { Command } from 'ioredis';
import { script } from './redis-script.js';
import { encodeCommand, scriptCommands } from './script-call.js';

const LUA = script('test', 'return 1');
const call = {
  script: LUA,
  keys: ['a:{t}:log', 'a:{t}:batches'],
  args: [7, 'é€😀', '', Buffer.from([0, 255, 13, 10]), Buffer.alloc(0), '{"a":"b"}'],
};

it.each([
  ['texts of one and of several bytes a character', ['set', 'k', 'é€😀', '']],
  ['bytes between texts', ['set', Buffer.from([0, 255]), 'after', Buffer.from('x')]],
  ['bytes at the end, and none', ['set', 'k', Buffer.alloc(0)]],
  ['numbers', ['expire', 'k', 10, -0.5]],
])('encodes %s as the client does', (_, parts) => {
  const [name, ...args] = parts as [string, ...string[]];
  expect(encodeCommand(parts).equals(Buffer.from(new Command(name, args).toWritable({})))).toBe(true);
});

it.each(['evalsha', 'eval'] as const)('sends %s with all that the script is given', (how) => {
  const command = scriptCommands(Command)(how, call, 'utf8');
  const source = how === 'evalsha' ? LUA.sha : LUA.lua;
  const plain = new Command(how, [source, 2, ...call.keys, ...call.args]);
  expect(Buffer.from(command.toWritable({})).equals(Buffer.from(plain.toWritable({})))).toBe(true);
});

it('gives a cluster the slot of its keys', () => {
  expect(scriptCommands(Command)('evalsha', call, null).getSlot()).toBe(
    new Command('get', ['{t}']).getSlot(),
  );
});
