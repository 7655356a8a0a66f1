/** One line of an artifact's tree. */
export interface TreeLine {
  readonly mode: string
  readonly size: number
  readonly sha256: string
  readonly path: string
}

/** Reads the lines `mode size sha256 path` that an artifact's tree is stored as. */
export function parseTreeLines(text: string): readonly TreeLine[] {
  return text.split('\n').flatMap((line) => {
    const [, mode, size, sha256, path] = /^(\d{6}) (\d+) (sha256:[0-9a-f]{64}) (.+)$/s.exec(line) ?? []
    return mode && size && sha256 && path ? [{ mode, size: Number(size), sha256, path }] : []
  })
}
