/** Tracks secrets that only their owner may hold. */
export function createSecretTracker() {
  const trackedSecrets = new Map<string, string>()

  function track(label: string, text: string): string {
    trackedSecrets.set(label, text)
    return text
  }

  return {
    /** The text of each secret, by its label. */
    trackedSecrets,
    track,
    createTracked: (label: string) =>
      track(label, `${label.replaceAll(' ', '-')}-${crypto.randomUUID()}`),
    /** Lists the secrets that these bytes contain. */
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
