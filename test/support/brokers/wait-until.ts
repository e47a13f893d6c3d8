const POLL_MS = 50;

/** Polls until `condition` resolves to true; a rejection counts as false. Rejects after `timeoutMs`, naming `what`. */
export async function waitUntil(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`After ${timeoutMs} ms still not true: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
