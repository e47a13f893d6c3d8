const MAX_PREVIEW_BYTES = 64 * 1024;

/** The beginning of a payload, as text if it is text. */
export interface PayloadPreview {
  readonly encoding: 'utf8' | 'base64';
  readonly preview: string;
  /** Whether `preview` is only the first 64 KiB. */
  readonly truncated: boolean;
}

export function previewOf(body: Uint8Array): PayloadPreview {
  const head = body.subarray(0, MAX_PREVIEW_BYTES);
  const truncated = head.length < body.length;
  const text = textOf(head, truncated);
  return text === undefined
    ? { encoding: 'base64', preview: Buffer.from(head).toString('base64'), truncated }
    : { encoding: 'utf8', preview: text, truncated };
}

function textOf(bytes: Uint8Array, truncated: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    // Decoded as a stream, so that half a character at the cut is left out and is no error.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
