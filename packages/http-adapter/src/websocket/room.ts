/** Bytes that may still be held by all that share it. */
export interface Room {
  bytes: number;
}
