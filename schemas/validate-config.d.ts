/** The compiled form of config.schema.json: see generate.mjs. */

/** One violation, as ajv reports it. */
export interface SchemaViolation {
  /** JSON pointer of the value concerned. */
  readonly instancePath: string;
  /** The keyword of the schema that does not hold. */
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The key being checked, where the rule is about a key and not about its value. */
  readonly propertyName?: string;
}

/** Whether `data` follows the schema; `errors` then lists every violation of the last call, `null` when there is none. */
export const validate: {
  (data: unknown): boolean;
  errors: SchemaViolation[] | null;
};
