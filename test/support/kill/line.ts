export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * The way to a server that is going to be killed. An answer that does not come while it is dying is
 * lost (null); at any other time it is a failure of the server.
 */
export class Line {
  #url = ''
  #dying = false

  connect(url: string): void {
    this.#url = url
    this.#dying = false
  }

  /** From now on an answer may be lost. */
  expectDeath(): void {
    this.#dying = true
  }

  async post(path: string, body: object, accessToken?: string): Promise<Answer | null> {
    try {
      const answer = await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          ...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
        },
        body: JSON.stringify(body),
      })
      return { status: answer.status, body: await answer.text() }
    } catch (error) {
      if (this.#dying) return null
      throw new Error(`${path} was not answered though nobody killed the server`, { cause: error })
    }
  }
}
