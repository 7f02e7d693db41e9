/** Makes an API token as people do: signs in to the console, and asks for one. */
export async function tokenByConsole(
  url: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<string> {
  const send = (path: string, fields: Record<string, string>, cookie = '') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { 'Sec-Fetch-Site': 'same-origin', Origin: url, Cookie: cookie },
      redirect: 'manual',
    })
  const signedIn = await send('/console/sign-in', { username, password })
  const [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';')
  const asked = await fetch(`${url}/console/me/tokens/new`, { headers: { Cookie: cookie } })
  const formToken = found(await asked.text(), /name="form-token" value="([^"]+)"/)
  const fields = { 'form-token': formToken, name: 'A walk', days: '7', 'your-password': password }
  const made = await send('/console/me/tokens/new', fields, cookie)
  return found(await made.text(), /data-secret>[\s\S]*?<code>([^<]+)<\/code>/)
}

function found(text: string, pattern: RegExp): string {
  const [, part] = pattern.exec(text) ?? []
  if (part === undefined) throw new Error(`the page has no ${pattern.source}`)
  return part
}
