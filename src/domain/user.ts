export const isUsername = (text: string): boolean => /^[\w.@-]{1,64}$/.test(text)

export const USERNAME_RULE = 'a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @'

export const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+$/.test(text)
