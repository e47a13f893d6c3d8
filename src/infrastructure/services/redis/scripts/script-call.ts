import type * as ioredis from 'ioredis';
import type { RedisScript } from './redis-script.js';

/** What goes to a server. */
export type Argument = string | number | Buffer;

/** A script and what it is given. */
export interface ScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** `evalsha` for a server that should know the script, else `eval`, which sends all of it. */
export type HowToCall = 'evalsha' | 'eval';

/**
 * Makes commands of scripts. Their bytes are made here in one go: the client's own way takes each argument apart and
 * together again, which costs more than all the rest of a publish when there are hundreds of them.
 */
export function scriptCommands(
  Command: typeof ioredis.Command,
): (how: HowToCall, call: ScriptCall, replyEncoding: 'utf8' | null) => ioredis.Command {
  class ScriptCommand extends Command {
    readonly #bytes: Buffer;

    constructor(how: HowToCall, { script, keys, args }: ScriptCall, replyEncoding: 'utf8' | null) {
      const source = how === 'evalsha' ? script.sha : script.lua;
      // With the keys, by which a cluster finds the server.
      super(how, [source, keys.length, ...keys], { replyEncoding });
      this.#bytes = encodeCommand([how, source, keys.length, ...keys, ...args]);
    }

    override toWritable(): Buffer {
      return this.#bytes;
    }
  }
  return (how, call, replyEncoding) => new ScriptCommand(how, call, replyEncoding);
}

/** As the protocol wants it (RESP2): an array of strings, each with its length in bytes before it. */
export function encodeCommand(parts: readonly Argument[]): Buffer {
  const pieces: (string | Buffer)[] = [];
  let bytes = 0;
  let text = `*${parts.length}\r\n`;
  for (const part of parts) {
    if (typeof part === 'object') {
      text += `$${part.length}\r\n`;
      bytes += Buffer.byteLength(text) + part.length;
      pieces.push(text, part);
      text = '\r\n';
    } else {
      const plain = typeof part === 'string' ? part : String(part);
      text += `$${Buffer.byteLength(plain)}\r\n${plain}\r\n`;
    }
  }
  pieces.push(text);
  const command = Buffer.allocUnsafe(bytes + Buffer.byteLength(text));
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === 'string' ? command.write(piece, at) : piece.copy(command, at);
  return command;
}
