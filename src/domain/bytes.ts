/** Copies the parts one after the other to the beginning of `size` bytes, by default as many as they have. */
export function joinBytes(
  parts: readonly Uint8Array[],
  size: number = parts.reduce((sum, { length }) => sum + length, 0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
