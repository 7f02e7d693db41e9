/** What a person reads on a page, without its marks. */
export const readable = (page: string): string =>
  page
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => MARKS[name] ?? '')
    .replace(/\s+/g, ' ')

const MARKS: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** What stands in a field of a form. */
export function valueIn(page: string, name: string): string | undefined {
  const field = page.match(new RegExp(`<input[^>]* name="${name}"[^>]*>`))?.[0]
  return field?.match(/ value="([^"]*)"/)?.[1]
}
