import { ok } from '../../../domain/failure.ts'
import { PERMISSIONS } from '../../../domain/role.ts'
import { notFound } from '../../../service/operator.ts'
import { type Asker, type Operation, operation, silent } from '../operation.ts'
import { listOf, whole } from '../schema/common.ts'
import { me, token } from '../schema/people.ts'

const tokensOf = async ({ sessions, who }: Asker) =>
  (await sessions.list(who)).filter(({ kind }) => kind === 'token')

/** What everybody does with his own. A token makes no further token: that takes the person and his password. */
export const own: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/me',
    verbs: [],
    summary: 'See who you are, and what your role allows',
    answer: me,
    run: async ({ who: { user, account }, desk }) =>
      ok({
        user,
        accountName: account.name,
        everyAccount: desk.may('accounts.read'),
        permissions: PERMISSIONS.filter(desk.may),
      }),
  }),
  operation({
    method: 'get',
    path: '/me/tokens',
    verbs: [],
    summary: 'List your API tokens, the newest first',
    text: 'New ones are made in the console, under “Your sign-in”.',
    answer: listOf(token),
    run: async (asker) => {
      const current = asker.who.session.id
      const tokens = await tokensOf(asker)
      return whole(
        tokens.map(({ userId: _, kind: __, ...rest }) => ({
          ...rest,
          current: rest.id === current,
        })),
      )
    },
  }),
  silent({
    method: 'delete',
    path: '/me/tokens/{id}',
    verbs: [],
    summary: 'End one of your API tokens',
    text: 'It may be the one that you ask with.',
    run: async (asker) => {
      const { sessions, who, caller, id } = asker
      const isIts = (await tokensOf(asker)).some((each) => each.id === id)
      const ended = isIts && (await sessions.end(who, id, caller)).ok
      return ended ? ok(undefined) : notFound(`you have no token ${id}`)
    },
  }),
]
