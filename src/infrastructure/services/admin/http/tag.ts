/** The tag in `If-Match`; undefined without one, and for `*`. */
export function tagIn(header: unknown): string | undefined {
  if (typeof header !== 'string') return undefined;
  const tag = header.trim();
  if (tag === '' || tag === '*') return undefined;
  return tag.replace(/^(?:W\/)?"(.*)"$/, '$1');
}
