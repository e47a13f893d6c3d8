/**
 * Of the machine and not of the test: Jest gives tests a copy of `process` without events, which a built-in module is
 * not.
 */
const machine = process.getBuiltinModule('node:process');

/** Where the modules of running applications were made. */
const open = new Set<{ readonly madeAt: string }>();

/** The place that called the function that calls this one, for sentences. */
export function placeOfCaller(): string {
  const line = new Error().stack?.split('\n')[3];
  return line?.trim().replace(/^at /, '') ?? 'an unknown place';
}

/** The process says at its end which harnesses are open. The returned function takes this one away. */
export function noteOpen(madeAt: string): () => void {
  const harness = { madeAt };
  if (open.size === 0) machine.once('exit', complain);
  open.add(harness);
  return () => {
    open.delete(harness);
    if (open.size === 0) machine.off('exit', complain);
  };
}

function complain(): void {
  for (const { madeAt } of open)
    machine.stderr.write(
      `An application with SwitchyardTestingModule was never closed. Call \`await app.close()\` at the end of the test, for example in afterEach. Its module was made at ${madeAt}.\n`,
    );
}
