/** What may be nowhere but with its owner. */
export function createConfidential() {
  const confidential = new Map<string, string>()

  function keep(what: string, text: string): string {
    confidential.set(what, text)
    return text
  }

  return {
    /** What it is, and its text. */
    confidential,
    keep,
    marked: (what: string) => keep(what, `${what.replaceAll(' ', '-')}-${crypto.randomUUID()}`),
    /** What of it all stands in these bytes. */
    foundIn: (bytes: Buffer): string[] =>
      [...confidential]
        .filter(([, text]) =>
          [text, Buffer.from(text).toString('base64url').slice(0, -4)].some((form) =>
            bytes.includes(form),
          ),
        )
        .map(([what]) => what),
  }
}
