/** Header that carries `metadata` of a packet, which a dispatch hook of Nest 12 may set: a map of texts, as JSON. */
export const METADATA_HEADER = 'nest-metadata';

/** The header, where a hook has set metadata. */
export function metadataHeaders(packet: object): Readonly<Record<string, string>> {
  const { metadata } = packet as { readonly metadata?: unknown };
  return typeof metadata === 'object' && metadata !== null
    ? { [METADATA_HEADER]: JSON.stringify(metadata) }
    : {};
}
