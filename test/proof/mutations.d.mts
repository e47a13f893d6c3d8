export declare const MUTATIONS: readonly {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  /** Arguments of Jest; absent where a script notices it. */
  readonly jest?: readonly string[];
}[];
