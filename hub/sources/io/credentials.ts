import { parseCredential, type SourceCredential } from '../credential.ts'
import type { SourceProblem } from '../model.ts'
import type { OpenCredential } from '../ports.ts'

const UNREADABLE: SourceProblem = {
  reason: 'AuthenticationFailed',
  message: 'the stored credential cannot be read; change the secret, or report it again',
}

/** Opens stored credentials for fetches: JSON of a Secret's keys and values, as the agent sealed it. */
export function openCredentials(content: (id: string) => Promise<Uint8Array | undefined>): OpenCredential {
  return async (id): Promise<SourceCredential | SourceProblem | undefined> => {
    const bytes = await content(id)
    return bytes && parse(Buffer.from(bytes).toString('utf8'))
  }
}

function parse(text: string): SourceCredential | SourceProblem {
  try {
    const data: unknown = JSON.parse(text)
    if (typeof data !== 'object' || data === null) return UNREADABLE
    return parseCredential(
      Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    )
  } catch {
    return UNREADABLE
  }
}
