/**
 * Ends this process when the one that has started it is gone, whose end of the standard input closes then. Not after some time: a slow machine
 * would end what is still wanted.
 */
export function endWithParent(): void {
  process.stdin.once('end', () => process.exit(1)).resume();
}
