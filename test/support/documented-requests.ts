import { parseArgs } from 'node:util';

/** The options of curl that pages use. */
const OPTIONS = {
  silent: { type: 'boolean', short: 's' },
  request: { type: 'string', short: 'X' },
  header: { type: 'string', short: 'H', multiple: true },
  data: { type: 'string', short: 'd' },
} as const;

/** A request as a page writes it with curl. */
export interface DocumentedRequest {
  readonly page: string;
  readonly method: string;
  /** With variables of the shell, such as `$ID`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The curl commands of a page's code blocks. Throws for an option that it does not know. */
export function curlRequests(page: string, markdown: string): readonly DocumentedRequest[] {
  const blocks = [...markdown.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('curl '))
      .map((line) => requestOf(page, wordsOf(line))),
  );
}

/** The words of a command, without quotes and comment. */
function wordsOf(command: string): readonly string[] {
  const words = command.replace(/ #.*$/, '').match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

function requestOf(page: string, [, ...words]: readonly string[]): DocumentedRequest {
  const { values, positionals } = parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true });
  const { request, data: body, header = [] } = values;
  const headers = Object.fromEntries(header.map((text): [string, string] => splitHeader(text)));
  return {
    page,
    method: request ?? (body === undefined ? 'GET' : 'POST'),
    url: positionals.join(' '),
    headers,
    body,
  };
}

function splitHeader(text: string): [string, string] {
  const [name = '', value = ''] = text.split(': ');
  return [name, value];
}
