/** What the text side of a store holds, whatever checkpoint it came from. */
export interface StoredText {
  /** In the format of Hugging Face's tokenizer.json. */
  tokenizer: Record<string, unknown>;
  chatTemplate: string | null;
  /** In the format of Hugging Face's generation_config.json: how its makers would draw from the model. */
  generationConfig: Record<string, unknown> | null;
  text: {
    bosId: number | null;
    /** Any of these ends a generation. */
    eosIds: number[];
    addBos: boolean;
    addEos: boolean;
  };
}
