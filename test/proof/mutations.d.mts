export declare const MUTATIONS: readonly {
  readonly name: string;
  readonly file: string;
  readonly find: string;
}[];
