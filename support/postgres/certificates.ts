import { generate } from 'selfsigned'

/** A certificate and its private key, in PEM. */
export interface Certified {
  readonly cert: string
  readonly key: string
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const

/** An authority that nobody knows but whom it is given to. */
export async function createAuthority(name: string): Promise<Certified> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    ...EC,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return { cert, key }
}

/** The certificate of a server of this name, by that authority; it may have ended. */
export async function certify(host: string, ca: Certified, until?: Date): Promise<Certified> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: host }], {
    ...EC,
    ca,
    ...(until !== undefined && { notBeforeDate: new Date(0), notAfterDate: until }),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
  })
  return { cert, key }
}
