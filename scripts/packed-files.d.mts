export function packedFiles(folder: string): ReadonlySet<string>;
export function packInto(
  folder: string,
  destination: string,
): { readonly file: string; readonly bytes: number };
