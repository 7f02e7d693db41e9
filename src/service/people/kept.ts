/*
 * What is kept as a digest says what it is for: so no secret of one use is ever found as one of another.
 */

export const sessionText = (secret: string) => `session\0${secret}`
export const formText = (secret: string) => `form\0${secret}`
export const invitationText = (secret: string) => `invitation\0${secret}`
export const recoveryText = (userId: string, code: string) => `recovery\0${userId}\0${code}`
export const ticketText = (passwordHash: string) => `ticket\0${passwordHash}`
export const deviceText = (userId: string, passwordHash: string, name: string) =>
  `device\0${userId}\0${passwordHash}\0${name}`
export const deviceTriesText = (name: string) => `device tries\0${name}`
export const usernameTriesText = (userId: string) => `username tries\0${userId}`
export const triesText = (username: string, where: string) => `tries\0${where}\0${username}`
