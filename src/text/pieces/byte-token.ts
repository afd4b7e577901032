/** SentencePiece's byte tokens, `<0x00>` to `<0xFF>`. */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
