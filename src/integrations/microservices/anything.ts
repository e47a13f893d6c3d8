/** A schema that accepts every value, for topics without a registered type. */
export const ANYTHING = {
  '~standard': { version: 1, vendor: 'switchyard', validate: (value: unknown) => ({ value }) },
} as const;
