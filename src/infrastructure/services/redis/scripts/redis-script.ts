import { createHash } from 'node:crypto';
import { FORMATS } from '../../../../core/messaging/ports/formats.js';

/** A Lua script; EVALSHA runs it by its digest. */
export interface RedisScript {
  readonly name: string;
  readonly lua: string;
  readonly sha: string;
}

/** The numbers of the formats, for the scripts that compare or write them. */
const PREAMBLE = `local FORMATS = {${Object.entries(FORMATS)
  .map(([name, number]) => `${name} = ${number}`)
  .join(', ')}}\n`;

export function script(name: string, source: string): RedisScript {
  const lua = source.includes('FORMATS.') ? PREAMBLE + source : source;
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') };
}
