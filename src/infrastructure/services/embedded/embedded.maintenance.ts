/** What the command does with directories of embedded transports and stores. */
export { checkDirectory, type DirectoryCheck } from './maintenance/check-directory.js';
export { copyDirectory } from './maintenance/copy-directory.js';
export { assertEmpty, directoriesIn } from './maintenance/directories.js';
export type { OnProgress } from './maintenance/progress.js';
export { type DirectorySalvage, salvageDirectory } from './maintenance/salvage-directory.js';
