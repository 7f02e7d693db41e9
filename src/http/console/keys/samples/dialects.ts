import type { Dialect } from '../../../../domain/dialect.ts'
import { type Sample, SECRET } from './request.ts'

/** What of a key goes into its request. The developer's key and the username are empty where it has none. */
export interface KeyParts {
  readonly url: string
  readonly publicId: string
  readonly developerKey: string
  readonly username: string
}

const get = (does: string, url: string, of: Partial<Sample>): Sample => ({
  does,
  url,
  method: 'GET',
  headers: [],
  username: null,
  fields: [],
  ...of,
})

/*
 * Every vendor in one table, as in http/presented.ts: what a person is told to paste is no answer to a
 * request.
 */
const SAMPLES: Readonly<Record<Dialect, (parts: KeyParts) => Sample>> = {
  redox: ({ url, publicId }) => ({
    ...get(
      'Exchanges the key for an access token and a refresh token.',
      `${url}/auth/authenticate`,
      {},
    ),
    method: 'POST',
    fields: [
      { name: 'apiKey', value: [publicId] },
      { name: 'secret', value: [SECRET] },
    ],
  }),
  xenrad: ({ url }) =>
    get('Asks for a patient of its site.', `${url}/fhir/Patient?_count=1`, {
      headers: [{ name: 'X-API-Key', value: [SECRET] }],
    }),
  opendental: ({ url, developerKey }) =>
    get('Asks for the patients of its office.', `${url}/api/v1/patients`, {
      headers: [{ name: 'Authorization', value: [`ODFHIR ${developerKey}/`, SECRET] }],
    }),
  'opendental-portal': ({ url, developerKey }) =>
    get('Lists the developer’s customer keys.', `${url}/apikeys`, {
      headers: [{ name: 'Authorization', value: [`ODFHIR ${developerKey}/`, SECRET] }],
    }),
  xdent: ({ url, publicId }) =>
    get('Asks who the key is.', `${url}/api/v1/Identity`, {
      headers: [{ name: 'X-Api-Key', value: [`${publicId}.`, SECRET] }],
    }),
  practice: ({ url, username }) =>
    get('Asks who the key is.', `${url}/practice/v1/me`, { username }),
}

export const sampleOf = (dialect: Dialect, parts: KeyParts): Sample => SAMPLES[dialect](parts)
