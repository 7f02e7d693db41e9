/** What may be nowhere but with its owner. */
export function createSecretTracker() {
  const trackedSecrets = new Map<string, string>()

  function track(label: string, text: string): string {
    trackedSecrets.set(label, text)
    return text
  }

  return {
    /** What it is, and its text. */
    trackedSecrets,
    track,
    createTracked: (label: string) =>
      track(label, `${label.replaceAll(' ', '-')}-${crypto.randomUUID()}`),
    /** What of it all stands in these bytes. */
    findLeaks: (bytes: Buffer): string[] =>
      [...trackedSecrets]
        .filter(([, text]) =>
          [text, Buffer.from(text).toString('base64url').slice(0, -4)].some((form) =>
            bytes.includes(form),
          ),
        )
        .map(([label]) => label),
  }
}
