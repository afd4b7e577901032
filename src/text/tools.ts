/** A function that the model may call, as OpenAI's API writes it. */
export interface Tool {
  /** `function`; others are UNSUPPORTED. */
  type: 'function';
  /** What it is. */
  function: {
    /** Its name: letters, digits, `_`, `-` and `.`. */
    name: string;
    /** What it is for, in words. */
    description?: string | undefined;
    /** A JSON schema of the object that it takes; default one without fields. */
    parameters?: Readonly<Record<string, unknown>> | undefined;
    /**
     * True: calls keep `parameters`, or it is UNSUPPORTED. Default false: what cannot be kept is named in `warnings`.
     */
    strict?: boolean | null | undefined;
    /** Any other field reaches the template. */
    [field: string]: unknown;
  };
}

/** Which tool an answer calls. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };
