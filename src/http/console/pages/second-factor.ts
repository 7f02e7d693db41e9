import { html } from 'hono/html'
import type { QrCode } from '../../../service/sign-in/second-factor.ts'
import { hiddenField, postForm, submitButton, textField } from '../components/form.ts'
import { copyableText, errorNotice, type Html } from '../components/html.ts'
import { secretDialog } from '../components/secret-dialog.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, type PageContext } from '../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { PROFILE_CRUMBS, PROFILE_PATH } from '../navigation.ts'
import { reauthFields, withReauth } from '../reauth.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import type { SignInPageDeps } from './sign-in.ts'

const SECOND_FACTOR_SETUP_PATH = `${PROFILE_PATH}/second-factor/new`
const SECOND_FACTOR_REMOVAL_PATH = `${PROFILE_PATH}/second-factor/remove`
const SECOND_FACTOR_HEADING = { heading: 'Set up second factor', crumbs: PROFILE_CRUMBS }

/** The pages of the second factor: time-based codes (RFC 6238). */
export function mountSecondFactorPages(
  router: ConsoleRouter,
  { signInServices }: SignInPageDeps,
): void {
  router.page(SECOND_FACTOR_SETUP_PATH, 'signed-in', (context) => showSetup(context, null))

  router.form(SECOND_FACTOR_SETUP_PATH, 'signed-in', async (context) => {
    const input = { pending: getField(context, 'pending'), code: getField(context, 'code') }
    const result = await withReauth(context, ({ reauthentication }) =>
      signInServices.secondFactor.confirmSetup(reauthentication, input, context.caller),
    )
    if (!result.ok) return showSetup(context, result.failure)
    return renderPage(
      context,
      SECOND_FACTOR_HEADING,
      secretDialog({
        title: 'Your recovery codes',
        text: 'Each code replaces your device once. Print the codes, or store them with your passwords. They are not shown again.',
        secrets: result.value.map((code) => ({ name: 'code', value: code })),
        fileName: 'latchkey-recovery-codes.txt',
        next: PROFILE_PATH,
        acknowledge: 'I have stored the codes',
      }),
    )
  })

  mountConfirmedAction(router, {
    path: SECOND_FACTOR_REMOVAL_PATH,
    operations: 'signed-in',
    find: async ({ session }) => ({ ok: true, value: session.user }),
    question: () => ({
      heading: 'Remove the second factor?',
      crumbs: PROFILE_CRUMBS,
      text: html`<p>You then sign in with your password alone, and your recovery codes stop working. For a new device or new codes, set it up again.</p>`,
      button: 'Remove second factor',
      variant: 'danger primary',
      cancelPath: PROFILE_PATH,
      requiresReauth: true,
    }),
    run: (context) =>
      withReauth(context, ({ reauthentication }) =>
        signInServices.secondFactor.remove(reauthentication, context.caller),
      ),
    flash: 'second-factor-removed',
    next: () => PROFILE_PATH,
  })

  async function showSetup(context: PageContext, failure: FormError | null): Promise<Response> {
    const result = await signInServices.secondFactor.startSetup(
      context.session,
      getField(context, 'pending'),
    )
    if (!result.ok)
      return renderPage(
        context,
        SECOND_FACTOR_HEADING,
        errorNotice(toErrorMessage(result.failure)),
        409,
      )
    const { pending, secret, qr } = result.value
    const body: Html = html`${errorNotice(toErrorMessage(failure))}
      <section class="card"><ol class="steps">
        <li><h2>Scan this code with an authenticator app</h2>${qrCode(qr)}
          <p>Or enter this key: ${copyableText(secret, 'the setup key')}</p></li>
        <li><h2>Enter the code that the app shows</h2>${postForm(
          context.formToken,
          SECOND_FACTOR_SETUP_PATH,
          html`
          ${hiddenField('pending', pending)}
          ${textField({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true, maxlength: 8 })}
          ${reauthFields(context, failure)}
          ${submitButton('Turn on second factor')}`,
        )}</li>
      </ol></section>`
    return renderPage(context, SECOND_FACTOR_HEADING, body, toErrorStatus(failure))
  }
}

/** Black on white in every theme, because cameras need the contrast. */
const qrCode = ({ size, path }: QrCode): Html => html`
  <svg class="qr" viewBox="0 0 ${size} ${size}" width="220" height="220" role="img" aria-label="The setup key as a QR code" shape-rendering="crispEdges">
    <rect width="${size}" height="${size}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`
