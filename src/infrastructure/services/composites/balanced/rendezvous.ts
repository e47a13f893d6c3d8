/**
 * The member that a key belongs to: each member draws a number for the key, and the highest wins. A member that is added or lost moves
 * only its own share (rendezvous hashing, Thaler and Ravishankar 1998; with weights, Schindelhauer and Schomaker 2005).
 */
export function ownerOf<T extends { readonly name: string; readonly weight: number }>(
  key: string,
  members: readonly T[],
): T | undefined {
  let owner: T | undefined;
  let best = -Infinity;
  for (const member of members) {
    const score = -member.weight / Math.log(draw(member.name, key));
    if (score > best) {
      best = score;
      owner = member;
    }
  }
  return owner;
}

/** Between 0 and 1, neither of them: FNV-1a with the last step of MurmurHash3, which spreads what differs in the end only. */
function draw(name: string, key: string): number {
  let hash = feed(feed(0x811c9dc5, name), `\0${key}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

function feed(hash: number, text: string): number {
  let fed = hash;
  for (let at = 0; at < text.length; at++) fed = Math.imul(fed ^ text.charCodeAt(at), 0x01000193);
  return fed;
}
