import { type Piece, type Sample, SECRET, VARIABLE } from './request.ts'

/** For Node 22 and later, as it stands. */
export function typescript({ url, method, headers, username, fields }: Sample): string {
  const entries = headers.map(
    ({ name, value }) => `    ${JSON.stringify(name)}: ${expression(value)},`,
  )
  if (username !== null) {
    const pair = `${expression([`${username}:`, SECRET])}`
    entries.push(`    Authorization: \`Basic \${Buffer.from(${pair}).toString('base64')}\`,`)
  }
  const options = [
    ...(method === 'GET' ? [] : [`  method: '${method}',`]),
    ...(entries.length === 0 ? [] : ['  headers: {', ...entries, '  },']),
    ...(fields.length === 0
      ? []
      : [
          '  body: new URLSearchParams({',
          ...fields.map(({ name, value }) => `    ${name}: ${expression(value)},`),
          '  }),',
        ]),
  ]
  return [
    `const secret = process.env.${VARIABLE}`,
    `if (!secret) throw new Error('${VARIABLE} is not set')`,
    '',
    `const response = await fetch(${JSON.stringify(url)}, {`,
    ...options,
    '})',
    'console.log(response.status, await response.text())',
    '',
  ].join('\n')
}

const expression = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (piece === SECRET ? 'secret' : JSON.stringify(piece))).join(' + ')
