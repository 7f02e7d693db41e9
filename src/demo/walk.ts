import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { DemoData } from './seed.ts'

/** A request of the walk-through, and its answer. */
export interface ShownRequest {
  readonly kind: 'request'
  readonly method: string
  /** The URL as shown: only the path for Latchkey's own. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly answer: StepResponse
}

export interface StepResponse {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** A command as a user types it, and its output. */
export interface ShownCommand {
  readonly kind: 'command'
  readonly line: string
  readonly printed: string
}

export interface WalkStep {
  /** The heading above the step. */
  readonly part: string
  readonly title: string
  readonly action: ShownRequest | ShownCommand
  /** The difference from the documentation; null if there is none. */
  readonly problem: string | null
}

export type WalkSteps = AsyncGenerator<WalkStep, void>

/** Makes requests under one heading. `wrong` returns how an answer differs from the documentation. */
export const createRequester = (url: string, part: string, shownUrl = '') =>
  async function* requestStep(
    title: string,
    path: string,
    input: {
      method?: string
      headers?: Readonly<Record<string, string>>
      body?: string
      problem: (answer: StepResponse) => string | null
    },
  ): AsyncGenerator<WalkStep, StepResponse> {
    const { method = 'GET', headers = {}, body = null, problem } = input
    const response = await fetch(url + path, { method, headers, body, redirect: 'manual' })
    const answer = {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: await response.text(),
    }
    const action = {
      kind: 'request',
      method,
      path: shownUrl + path,
      headers,
      body,
      answer,
    } as const
    yield { part, title, action, problem: problem(answer) }
    return answer
  }

export const findStatusProblem = (status: number, answer: StepResponse) =>
  answer.status === status ? null : `it answers ${answer.status}, not ${status}`

/** Checks the status of an answer, and more if needed. */
export const expectBody =
  (status: number, text: string) =>
  (answer: StepResponse): string | null =>
    findStatusProblem(status, answer) ??
    (answer.body.includes(text) ? null : `it does not say ${text}`)

const runFile = promisify(execFile)

/** Returns the settings of the demo's server, which commands need too. */
export type DemoEnvironment = Readonly<Record<string, string | undefined>>

/** Runs commands under one heading, in processes of their own. */
export const createCommandRunner = (settings: DemoEnvironment, part: string) =>
  async function* command(
    title: string,
    args: readonly string[],
    problem: (printed: string) => string | null,
  ): AsyncGenerator<WalkStep, void> {
    // Reuses the command line that started this process.
    const [, cli = ''] = process.argv
    const { stdout, stderr } = await runFile(process.execPath, [cli, ...args], {
      env: settings,
    }).catch((failed: { stdout: string; stderr: string }) => failed)
    const printed = `${stdout}${stderr}`.trimEnd()
    const action = { kind: 'command', line: `latchkey ${args.join(' ')}`, printed } as const
    yield { part, title, action, problem: problem(printed) }
  }

/** Expects each pattern somewhere in a command's output. */
export const expectOutput =
  (...patterns: readonly RegExp[]) =>
  (printed: string): string | null => {
    const missing = patterns.find((pattern) => !pattern.test(printed))
    return missing === undefined ? null : `it does not print ${missing.source}`
  }

interface RedoxTokens {
  accessToken: string
  expires: string
  refreshToken: string
}

/** Walks through the exchange step by step. */
export async function* walkRedox(url: string, { redox }: DemoData): WalkSteps {
  const requestLatchkey = createRequester(url, 'Redox-style: a key is exchanged for tokens')
  const { apiKey, secret, destinationId } = redox

  const exchanged = yield* postJson(
    'Exchange the key and its secret for tokens',
    '/auth/authenticate',
    {
      body: { apiKey, secret },
      problem: findTokenProblem,
    },
  )
  const first = parseTokens(exchanged)

  yield* postJson('Post a message with the access token', '/endpoint', {
    token: first.accessToken,
    body: createDeviceMessage(destinationId),
    problem: (answer) =>
      findStatusProblem(200, answer) ?? findReceiptProblem(answer, destinationId),
  })

  const refreshed = yield* postJson('Refresh: both tokens are new', '/auth/refreshToken', {
    body: { apiKey, refreshToken: first.refreshToken },
    problem: findTokenProblem,
  })

  yield* postJson(
    'The answer got lost? Ask again: it is the same, to the byte',
    '/auth/refreshToken',
    {
      body: { apiKey, refreshToken: first.refreshToken },
      problem: (answer) => (answer.body === refreshed.body ? null : 'it is another answer'),
    },
  )

  yield* postJson('The old access token lives on: jobs under way are not cut off', '/endpoint', {
    token: first.accessToken,
    body: createDeviceMessage(destinationId),
    problem: (answer) => findStatusProblem(200, answer),
  })

  yield* postJson('A wrong secret is refused, and tells nothing', '/auth/authenticate', {
    body: { apiKey, secret: 'not-the-secret-at-all' },
    problem: (answer) =>
      findStatusProblem(401, answer) ??
      (answer.body === 'Invalid request' ? null : 'it says too much'),
  })

  /** Posts JSON. */
  function postJson(
    title: string,
    path: string,
    {
      token,
      body,
      problem,
    }: { token?: string; body: object; problem: (answer: StepResponse) => string | null },
  ) {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' }
    if (token !== undefined) headers.Authorization = `Bearer ${token}`
    return requestLatchkey(title, path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      problem,
    })
  }
}

export const createDeviceMessage = (destinationId: string) => ({
  Meta: {
    DataModel: 'Device',
    EventType: 'New',
    EventDateTime: '2015-03-25T20:52:35.000Z',
    Test: true,
    Destinations: [{ ID: destinationId }],
  },
  Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
})

function findTokenProblem(answer: StepResponse): string | null {
  if (answer.status !== 200) return findStatusProblem(200, answer)
  const names = Object.keys(JSON.parse(answer.body)).join()
  if (names !== 'accessToken,expires,refreshToken') return `it has the fields ${names}`
  const { expires } = parseTokens(answer)
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(expires) ? null : `it expires ${expires}`
}

const parseTokens = (answer: StepResponse): RedoxTokens =>
  answer.status === 200
    ? JSON.parse(answer.body)
    : { accessToken: 'none', expires: '', refreshToken: 'none' }

function findReceiptProblem(answer: StepResponse, destinationId: string): string | null {
  const { Meta } = JSON.parse(answer.body)
  return Meta?.Destinations?.[0]?.ID === destinationId && Meta.Logs?.length === 1
    ? null
    : 'its Meta is not the documented one'
}

const HL7_MESSAGE =
  'MSH|^~\\&|RIS|HARBOR|XENRAD|CLOUD|20260102030405||ADT^A08|MSG00001|P|2.5.1\rPID|1||1001^^^HARBOR^MR||Bixby^Timothy\r'

/** Walks through one site key on its three surfaces. */
export async function* walkXenrad(url: string, { xenrad }: DemoData): WalkSteps {
  const requestLatchkey = createRequester(url, 'Xenrad-style: one site key for FHIR, HL7 and MPPS')
  const key = { 'X-API-Key': xenrad.apiKey }

  yield* requestLatchkey(
    'Search patients: the key says which site’s',
    '/fhir/Patient?family=Bixby',
    {
      headers: key,
      problem: expectBody(200, '"type":"searchset"'),
    },
  )
  yield* requestLatchkey(
    'Send an HL7 message: the answer is an HL7 acknowledgement',
    '/v2/ingest',
    {
      method: 'POST',
      headers: { ...key, 'Content-Type': 'text/plain' },
      body: HL7_MESSAGE,
      problem: expectBody(200, 'MSA|AA|MSG00001\r'),
    },
  )
  const started = { sop_instance_uid: `1.2.840.${Date.now()}`, study_uid: '1.2.840.1' }
  yield* requestLatchkey('A modality begins a procedure step', '/ingest', {
    method: 'POST',
    headers: { ...key, 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...started, status: 'IN PROGRESS' }),
    problem: expectBody(200, '"success":true'),
  })
  yield* requestLatchkey('Without a key, FHIR refuses in FHIR’s own form', '/fhir/Patient', {
    problem: (answer) => findStatusProblem(401, answer) ?? findOutcomeProblem(answer),
  })
}

function findOutcomeProblem({ type, body }: StepResponse): string | null {
  if (!type.startsWith('application/fhir+json')) return `it is ${type}`
  const { resourceType, issue } = JSON.parse(body)
  return resourceType === 'OperationOutcome' && issue?.[0]?.code === 'login'
    ? null
    : 'it is no OperationOutcome'
}

/** Walks through a developer's keys of two customers. */
export async function* walkOpendental(url: string, { opendental }: DemoData): WalkSteps {
  const { developerKey, portalKey, customerKey, unassignedKey } = opendental
  const requestLatchkey = createRequester(url, 'Open Dental-style: a developer’s customer keys')
  const createHeaders = (key: string) => ({ Authorization: `ODFHIR ${developerKey}/${key}` })

  yield* requestLatchkey('List the customer keys: they can be read again', '/apikeys', {
    headers: createHeaders(portalKey),
    problem: (answer) => findStatusProblem(200, answer) ?? findListProblem(answer, customerKey),
  })
  yield* requestLatchkey(
    'An office’s data, with the key that is assigned to it',
    '/api/v1/patients',
    {
      headers: createHeaders(customerKey),
      problem: expectBody(200, '"PatNum"'),
    },
  )
  yield* requestLatchkey('A key that is not assigned to an office is refused', '/api/v1/patients', {
    headers: createHeaders(unassignedKey),
    problem: expectBody(400, '"API key has not been assigned."'),
  })
}

function findListProblem({ body }: StepResponse, customerKey: string): string | null {
  const records = JSON.parse(body) as Record<string, unknown>[]
  const record = records.find(({ CustomerKey }) => CustomerKey === customerKey)
  const names = 'CustomerKey,KeyStatus,DateCreated,DateDisabled,DateTimeAssigned,DevRefId'.split(
    ',',
  )
  if (record === undefined) return 'the key is not in it'
  return names.every((name) => typeof record[name] === 'string') ? null : 'a field is missing'
}

/** Walks through a key whose id and secret are in one header. */
export async function* walkXdent(url: string, { xdent }: DemoData): WalkSteps {
  const requestLatchkey = createRequester(url, 'XDENT-style: KeyId.Secret')
  const [keyId = ''] = xdent.apiKey.split('.')

  yield* requestLatchkey('Who is this key?', '/api/v1/Identity', {
    headers: { 'X-Api-Key': xdent.apiKey },
    problem: expectBody(200, `"KeyId":"${keyId}"`),
  })
  yield* requestLatchkey('The company’s data', '/api/v1/Patients', {
    headers: { 'X-Api-Key': xdent.apiKey },
    problem: expectBody(200, '"LastName"'),
  })
  yield* requestLatchkey('The id alone is not enough', '/api/v1/Identity', {
    headers: { 'X-Api-Key': keyId },
    problem: expectBody(401, '"Code":"SECRET_REQUIRED"'),
  })
}

/** Walks through HTTP Basic with a username, and a key as the password. */
export async function* walkPractice(url: string, { practice }: DemoData): WalkSteps {
  const { username, apiKey } = practice
  const requestLatchkey = createRequester(url, 'Practice-style: username and key')
  const createHeaders = (key: string) => ({
    Authorization: `Basic ${Buffer.from(`${username}:${key}`).toString('base64')}`,
  })

  yield* requestLatchkey('Test the connection', '/practice/v1/me', {
    headers: createHeaders(apiKey),
    problem: expectBody(200, `"${username}"`),
  })
  yield* requestLatchkey('The practice’s data', '/practice/v1/patients', {
    headers: createHeaders(apiKey),
    problem: expectBody(200, '"last_name"'),
  })
  yield* requestLatchkey('A wrong key is refused', '/practice/v1/me', {
    headers: createHeaders('not-the-key'),
    problem: expectBody(401, '"error"'),
  })
}
