import type * as ioredis from 'ioredis';
import type { RedisScript } from './redis-script.js';

/** One argument of a command. */
export type Argument = string | number | Buffer;

/** A script with its keys and arguments. */
export interface ScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** `evalsha` for a server that should know the script, else `eval`, which sends its source. */
export type EvalCommand = 'evalsha' | 'eval';

/**
 * Makes commands of scripts. Their bytes are encoded here in one step, because the client's own encoding converts each argument
 * twice, which costs more than the rest of a publish when there are hundreds of them.
 */
export function scriptCommands(
  Command: typeof ioredis.Command,
): (how: EvalCommand, call: ScriptCall, replyEncoding: 'utf8' | null) => ioredis.Command {
  class ScriptCommand extends Command {
    readonly #bytes: Buffer;

    constructor(how: EvalCommand, { script, keys, args }: ScriptCall, replyEncoding: 'utf8' | null) {
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

/** RESP2: an array of bulk strings. */
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

/** Because the client takes other arrays of bytes for texts. */
export function bytesOf(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
