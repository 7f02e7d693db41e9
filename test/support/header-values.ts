import fc from 'fast-check'

/** Draws any value that a header can hold: bytes, as Latin-1. */
export const headerBytes = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((n) => String.fromCharCode(n)),
})

/** Returns null for a value that `Headers` rejects. */
export function createHeaders(name: string, value: string): Headers | null {
  try {
    return new Headers({ [name]: value })
  } catch {
    return null
  }
}
