import { type Piece, type Sample, SECRET, VARIABLE } from './request.ts'

/** For Python 3.8 and later, with nothing to install. */
export function python({ url, method, headers, username, fields }: Sample): string {
  const entries = headers.map(({ name, value }) => `        ${text(name)}: ${expression(value)},`)
  if (username !== null) {
    entries.push(`        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),`)
  }
  const options = [
    ...(method === 'GET' ? [] : [`    method=${text(method)},`]),
    ...(entries.length === 0 ? [] : ['    headers={', ...entries, '    },']),
    ...(fields.length === 0
      ? []
      : [
          '    data=urllib.parse.urlencode({',
          ...fields.map(({ name, value }) => `        ${text(name)}: ${expression(value)},`),
          '    }).encode(),',
        ]),
  ]
  return [
    ...(username === null ? [] : ['import base64']),
    'import os',
    'import urllib.error',
    ...(fields.length === 0 ? [] : ['import urllib.parse']),
    'import urllib.request',
    '',
    `secret = os.environ["${VARIABLE}"]`,
    ...(username === null ? [] : [`pair = ${expression([`${username}:`, SECRET])}`]),
    'request = urllib.request.Request(',
    `    ${text(url)},`,
    ...options,
    ')',
    'try:',
    '    response = urllib.request.urlopen(request)',
    'except urllib.error.HTTPError as refusal:',
    '    response = refusal',
    'print(response.status, response.read().decode())',
    '',
  ].join('\n')
}

/** A string of JSON in printable ASCII is one of Python's. */
const text = (value: string): string => JSON.stringify(value)

const expression = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (piece === SECRET ? 'secret' : text(piece))).join(' + ')
