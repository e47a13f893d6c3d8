/** Modules by file, with the text that they should have. */
type Outdated = readonly (readonly [file: string, text: string | undefined])[];

export function outdatedAssets(folder: string): { outdated: Outdated; problems: readonly string[] };
export function writeAssets(outdated: Outdated): void;
