/** The file is not as lmdb writes it. */
export class FileDamage extends Error {}
