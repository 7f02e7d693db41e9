import { generate } from 'selfsigned'

/** A certificate and its private key, in PEM. */
export interface CertificateWithKey {
  readonly cert: string
  readonly key: string
}

const EC_KEY_OPTIONS = { keyType: 'ec', algorithm: 'sha256' } as const

/** Creates a certificate authority that only programs configured with it trust. */
export async function createCertificateAuthority(name: string): Promise<CertificateWithKey> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    ...EC_KEY_OPTIONS,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return { cert, key }
}

/** The certificate of a server of these names, by that authority; it may have ended. */
export async function createServerCertificate(
  hosts: readonly string[],
  ca: CertificateWithKey,
  expiresAt?: Date,
): Promise<CertificateWithKey> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: hosts[0] ?? '' }], {
    ...EC_KEY_OPTIONS,
    ca,
    ...(expiresAt !== undefined && { notBeforeDate: new Date(0), notAfterDate: expiresAt }),
    extensions: [{ name: 'subjectAltName', altNames: hosts.map((value) => ({ type: 2, value })) }],
  })
  return { cert, key }
}
