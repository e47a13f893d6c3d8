/**
 * `name version integrity` of these packages and of their dependencies in the lockfile, sorted. A package that it
 * does not contain is left out: it is built in, or the project itself.
 */
export function lockedPackages(lockfile, names) {
  const places = new Set(
    names.map((name) => `node_modules/${name}`).filter((place) => lockfile.packages[place]),
  );
  for (const place of places)
    for (const name of dependenciesOf(lockfile.packages[place])) {
      const found = placeOf(lockfile, place, name);
      if (found !== undefined) places.add(found);
    }
  return [...places].sort().map((place) => {
    const { version, integrity = '' } = lockfile.packages[place];
    return `${place} ${version} ${integrity}`;
  });
}

function dependenciesOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} }) {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers];
}

/** Where Node finds it: the nearest folder above. */
function placeOf(lockfile, from, name) {
  for (let above = from; ; above = above.slice(0, above.lastIndexOf('/node_modules/'))) {
    const place = `${above}/node_modules/${name}`;
    if (lockfile.packages[place]) return place;
    if (!above.includes('/node_modules/')) break;
  }
  const top = `node_modules/${name}`;
  return lockfile.packages[top] ? top : undefined;
}
