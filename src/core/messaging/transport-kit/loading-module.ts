/**
 * A module whose code is still loading, for `imports`. Nest reports why it cannot be made once it gets there. Without a
 * handler until then, Node would take the failure for an unhandled one and end the process.
 */
export function loadingModule<Module>(load: () => Promise<Module>): Promise<Module> {
  const loading = load();
  loading.catch(() => undefined);
  return loading;
}
