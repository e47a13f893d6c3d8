/** What production refuses, by the word that permits it. */
export const INSECURITIES = ['guest', 'plaintext-auth', 'tls'] as const;

type Insecurity = (typeof INSECURITIES)[number];

/** An option that production refuses unless `allowInsecure` names its kind. */
export interface InsecureUse {
  readonly kind: Insecurity;
  /** Path of the key below the options of the transport. */
  readonly key: readonly string[];
  /** What it does, as the rest of a sentence about the key. Holds no value of an option. */
  readonly does: string;
  /** What to do instead, as a sentence. */
  readonly remedy: string;
}

/** TLS options whose certificates are not verified. */
export function unverifiedTls(tls: unknown): readonly InsecureUse[] {
  const isOff =
    typeof tls === 'object' && tls !== null && Reflect.get(tls, 'dangerouslyAllowInvalidCerts') === true;
  if (!isOff) return [];
  return [
    {
      kind: 'tls',
      key: ['tls', 'dangerouslyAllowInvalidCerts'],
      does: 'is on: the identity of the server is not verified',
      remedy: 'Set tls.caFile to the certificate authority instead.',
    },
  ];
}

/** A password that everybody on the network between two machines can read. */
export function plaintextLogin(key: readonly string[], remedy: string): InsecureUse {
  return {
    kind: 'plaintext-auth',
    key,
    does: 'sends a password to another machine without encryption',
    remedy,
  };
}
