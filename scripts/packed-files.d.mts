export function packedFiles(folder: string): ReadonlySet<string>;
